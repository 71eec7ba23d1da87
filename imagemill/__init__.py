"""The command line of imagemill: one verb a module, nothing but parsing, wiring and printing."""

__version__ = "0.1.0"
