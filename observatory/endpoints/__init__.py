"""Where files lie: one contract (contract.py), kept by local, ssh and memory endpoints."""
