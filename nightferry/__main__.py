"""``python -m nightferry``: the command line without its script."""

from nightferry.cli.main import run

run()
