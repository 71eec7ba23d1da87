"""How long a user waits for help: the command's start-up against a bare interpreter."""
