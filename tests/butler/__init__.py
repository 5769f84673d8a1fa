"""Our tables handed to the real Butler; `make butler`, no part of the everyday tests."""
