"""What a check costs that finds nothing to do, against a bare walk of the same tree."""
