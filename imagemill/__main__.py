"""Runs the command as `python -m imagemill`."""

from imagemill.cli import main

if __name__ == "__main__":
    main()
