"""Proves what is where, from what it has just read; never from our own records."""
