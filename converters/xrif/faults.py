"""Why a block is not decoded: two ways, and a reason.

They stay within this package: archive.py makes them the errors of the house, with the file's name.
"""

from __future__ import annotations


class Damaged(Exception):
    """A block contradicts itself; the message is a reason without a full stop."""


class Unknown(Exception):
    """A block is kept in a way, or is of a size, that is not decoded; the message is the reason."""
