"""The command line, the daemon and the nightly run: the only package that knows all the others."""
