"""The value of a FITS card in one of the plain forms, which is what nearly every card is in, continued texts included.

Whatever is not plain is left to astropy, which takes fifty times as long, and which ends a text too soon where an
apostrophe in it is followed by a slash (astropy 8.0.2: ``'''/     '`` is read as one apostrophe).
"""

from __future__ import annotations

import re

_CARD = 80
_TEXT = r"'(?P<text>(?:[^']|'')*)'"
_END = r" *(?:/|\Z)"
_PLAIN = re.compile(
    rf"= *(?:{_TEXT}|(?P<whole>[+-]?[0-9]{{1,40}})|(?P<truth>[TF])"
    rf"|(?P<real>[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:E[+-]?[0-9]+)?|[+-]?[0-9]+E[+-]?[0-9]+)){_END}"
)
"""The forms of the FITS Standard 4.0, section 4.2, that need no second thought."""
_CONTINUED = re.compile(rf"CONTINUE {{2,}}{_TEXT}{_END}")
"""What continues a text that ends with an ampersand (section 4.2.1.2)."""


def plain_value(image: str) -> str | int | float | bool | None:
    """Return the value of a card of eighty characters, or of several that continue it; None where one is not plain."""
    plain = _PLAIN.match(image, _equals_sign(image), _CARD)
    if plain is None:
        return None
    match plain.lastgroup:
        case "text":
            return _whole_text(plain["text"], image)
        case "whole":
            return int(plain["whole"])
        case "truth":
            return plain["truth"] == "T"
    return float(plain["real"])


def _equals_sign(image: str) -> int:
    """Return where the mark of a value stands; of a card without one the card's end."""
    if image[8:10] == "= ":
        return 8
    return image.find("=") % _CARD if image.startswith("HIERARCH ") and "=" in image else _CARD


def _whole_text(first: str, image: str) -> str | None:
    parts = [first]
    for start in range(_CARD, len(image), _CARD):
        if not parts[-1].rstrip().endswith("&"):
            break  # the standard knows no text that such a card would continue
        more = _CONTINUED.match(image, start, start + _CARD)
        if more is None:
            return None
        parts[-1:] = [parts[-1].rstrip()[:-1], more["text"]]
    text = "".join(parts)
    return text.replace("''", "'").rstrip() if text.isascii() else None
