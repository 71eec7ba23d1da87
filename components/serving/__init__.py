"""Answers for image files: the same preparation and the same model for `predict`, `serve` and batch scoring."""
