"""What may be freed, what proves it, and freeing it: ``safe``, ``confirm``, ``prune``."""
