"""Observations of instruments that write streams: found, exported once or while they are taken, bundled."""
