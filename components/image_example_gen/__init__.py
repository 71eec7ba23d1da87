"""Reads a folder of images and writes validated, deduplicated, split examples."""
