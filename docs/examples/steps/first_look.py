#!/usr/bin/env python3
"""A step of one's own: writes the median and the spread of a FITS image as one line of JSON.

    first_look.py IMAGE.fits OUTPUT.json

Exit status 0: written. 3: written, but the image is saturated (declare `warning: [3]`). Anything else is a failure,
and the last lines of what was said stand in the report. The output's name is a temporary one: nightferry renames it.
"""

import json
import sys

import numpy as np
from astropy.io import fits

SATURATED = 65000


def main() -> int:
    """Look at one image."""
    image, output = sys.argv[1:]
    pixels = fits.getdata(image).astype(float)
    facts = {"median": float(np.median(pixels)), "spread": float(pixels.std()), "highest": float(pixels.max())}
    with open(output, "w", encoding="ascii") as opened:  # noqa: PTH123 - as a person would write it
        opened.write(json.dumps(facts) + "\n")
    if facts["highest"] > SATURATED:
        print(f"saturated: {facts['highest']:.0f}")  # noqa: T201 - what a step says is kept
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
