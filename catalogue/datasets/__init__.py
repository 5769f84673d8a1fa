"""Datasets: files by what they are (type, data id, collection) instead of where they lie."""
