"""A synthetic night of MagAO-X and calls of `export` on it; what its products hold is read back with astropy."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from nightferry.cli.main import main
from observatory.formats.whole import judge
from tests.magaox import EMAIL, Drive, configure, files_below
from tests.observatory import Answer

PLACE = f"2025B/{EMAIL}/2025-12-02_235920_beta_Pic_20251202_betaPic_deep"


class Night:
    """A drive, a configuration and an output, and calls of the command line on them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], is_flat: bool = False) -> None:
        self.drive = Drive(folder / "mnt" / "backup", is_flat)
        self.config = configure(folder)
        self.output = folder / "out"
        self._capsys = capsys

    def call(self, *words: str) -> Answer:
        """Call the command line."""
        self._capsys.readouterr()
        status = main(["--config", str(self.config), *words])
        said = self._capsys.readouterr()
        return Answer(status, said.out, said.err)

    def export(self, *words: str, roots: list[str] | None = None) -> Answer:
        """Export camsci1 of 2025B in this process unless told otherwise."""
        usual = ["-s", "2025B"] if "--utc-start" not in words else []
        cameras = [] if "-c" in words else ["-c", "camsci1"]
        jobs = [] if "-j" in words else ["-j", "1"]
        named = self.drive.words if roots is None else roots
        return self.call("export", *usual, *cameras, *jobs, *named, "-D", str(self.output), *words)

    def spans(self, *words: str, roots: list[str] | None = None) -> list[dict[str, Any]]:
        """Return the observations that are listed."""
        answer = self.call("spans", "--json", *words, *(self.drive.words if roots is None else roots))
        found = json.loads(answer.out)["observations"]
        assert isinstance(found, list)
        return found

    def made(self, camera: str = "camsci1") -> list[str]:
        """Return the stamps of a camera's files, over all observations."""
        paths = [path for path in files_below(self.output) if path.split("/")[-2] == camera]
        return sorted(path.split("/")[-1].removeprefix(f"{camera}_").removesuffix(".fits") for path in paths)

    def ordinary(self) -> None:
        """Make an observation from 20 to 100 s over midnight, with three archives and all telemetry of one camera."""
        self.drive.observe(20, 100)
        self.drive.camera_telemetry(0, 140)
        self.drive.telescope_telemetry(0, 140)
        self.drive.archive([15, 18, 21, 24])
        self.drive.archive([30, 40, 50, 60])
        self.drive.archive([65, 80, 99, 100, 105])


def opened(path: Path) -> tuple[np.ndarray, fits.Header]:
    """Return the pixels and the header of a file that astropy and we call whole, sums included."""
    assert judge(os.fsencode(path), sums=True) == ("whole", "")
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        return hdus[0].data.copy(), hdus[0].header.copy()


_FAKE_XRIF2FITS = """#!/bin/sh
# Stands in for the instrument's own program: writes a FITS file a frame, fails where telemetry is asked for.
while [ $# -gt 0 ]; do
  case "$1" in
    -d) folder=$2; shift;;
    -f) file=$2; shift;;
    -D) out=$2; shift;;
    -t) exit 3;;
  esac
  shift
done
exec PYTHON - "$folder/$file" "$out" <<'END'
import sys
from pathlib import Path
from converters.export.frames import acquired_ns
from converters.export.tree import frame_names
from converters.fits_writer import image_hdu, pixels
from converters.xrif import read
archive = read(sys.argv[1])
for name, image in zip(frame_names("camsci1", acquired_ns(archive.timing).tolist()), archive.images[:, 0]):
    Path(sys.argv[2], name).write_bytes(image_hdu(pixels(image), ()))
Path(sys.argv[2], "meta_data.txt").write_text("")
END
""".replace("PYTHON", shlex.quote(sys.executable))
