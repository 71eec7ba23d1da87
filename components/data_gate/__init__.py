"""Decides whether data may go into training: statistics against the schema, labels, and the pixels themselves."""
