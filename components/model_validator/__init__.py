"""Serves a freshly trained model in a process of its own and asks it what clients would ask."""
