"""What a broken promise is called; whoever plays a seed raises it with the whole story."""

from __future__ import annotations


class Failed(AssertionError):
    """A seed that broke a promise, with its story."""
