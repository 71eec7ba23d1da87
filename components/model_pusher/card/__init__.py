"""The model card: what a person needs to know before trusting a model."""
