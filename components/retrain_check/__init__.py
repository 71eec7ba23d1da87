"""Decides, before anything else runs, whether there is a reason to train."""
