"""Turns what arrived into products, step by step."""
