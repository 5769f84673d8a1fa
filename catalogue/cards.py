"""The value of a FITS card in one of the plain forms, which is what nearly every card is in.

Whatever is not plain is left to astropy, which takes fifty times as long.
"""

from __future__ import annotations

import re

_CARD = 80
_PLAIN = re.compile(
    r"= +(?:'(?P<text>(?:[^']|'')*)'|(?P<whole>[+-]?[0-9]{1,40})|(?P<truth>[TF])"
    r"|(?P<real>[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:E[+-]?[0-9]+)?|[+-]?[0-9]+E[+-]?[0-9]+)) *(?:/|\Z)"
)
"""The forms of the FITS Standard 4.0, section 4.2, that need no second thought."""


def plain_value(image: str) -> str | int | float | bool | None:
    """Return the value of a card of eighty characters; None where its form is not plain."""
    plain = _PLAIN.match(image, 8) if len(image) <= _CARD and image.isascii() else None
    if plain is None:
        return None
    match plain.lastgroup:
        case "text":
            return plain["text"].replace("''", "'").rstrip()
        case "whole":
            return int(plain["whole"])
        case "truth":
            return plain["truth"] == "T"
    return float(plain["real"])
