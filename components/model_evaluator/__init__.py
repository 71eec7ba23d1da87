"""Evaluates an exported model with TFMA and decides, rule by rule, whether it may be pushed."""
