"""Observations exported: from an instrument's telemetry and raw archives to FITS files in a tree for people."""
