"""Runs a config again and again on this machine: when, one at a time, through restarts and crashes."""
