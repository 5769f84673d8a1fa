"""Putting files into a datastore: found, planned, placed; knows no database and no names of any instrument."""
