"""Tells people what happened: a webhook, an e-mail, a command. Never fails a run."""
