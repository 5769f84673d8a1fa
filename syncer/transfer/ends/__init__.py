"""The programs at the two ends of a pipe session; their text is sent, see order.py."""
