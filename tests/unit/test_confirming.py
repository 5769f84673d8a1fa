"""What of a night an archive may confirm: the files that there are, by the hash that each was made or read with."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from catalogue.records import Product, StepInput, StepRecord, StepResult
from nightferry.retention.confirming import known_sums
from nightferry.workplace import Workplace
from tests.unit.spec.folders import instrument, write

NOW = dt.datetime(2016, 9, 8, 6, 0, tzinfo=dt.UTC)
NIGHT = dt.date(2016, 9, 7)
FOLDER = b"2016/0907/"
CONVERT = '{steps: [{step: command, run: [cp, "{input}", "{output}"], inputs: ["*.fits"], outputs: ["{input}.fz"]}]}'


def made(step: str, product: str, digit: str, *taken: StepInput) -> StepRecord:
    """Return the record of a step that made one file of a night."""
    subject = FOLDER + step.encode()
    products = (Product(FOLDER + product.encode(), digit * 64),)
    return StepRecord("sha", "astro.suth", step, NIGHT, subject, digit, StepResult.DONE, NOW, products, inputs=taken)


def test_what_a_later_step_consumed_is_no_file_of_the_night(tmp_path: Path) -> None:
    """Neither a cube that was compressed nor the bytes that a header had before; what stands there now counts."""
    folder = write(tmp_path, sha=instrument("sha", convert=CONVERT))
    with Workplace.at(folder, lambda: NOW) as workplace:
        cube = StepInput(FOLDER + b"SHA_1.fits", "a" * 64, is_consumed=True)
        mended = StepInput(FOLDER + b"SHA_1.fits", "b" * 64, is_consumed=True)
        workplace.ledger.record_step(made("consolidate", "SHA_1.fits", "a"))
        workplace.ledger.record_step(made("fix-headers", "SHA_1.fits", "b", cube))
        assert set(known_sums(workplace, workplace.instruments["sha"], NIGHT).values()) == {"b" * 64}
        workplace.ledger.record_step(made("compress", "SHA_1.fits.fz", "c", mended))
        assert set(known_sums(workplace, workplace.instruments["sha"], NIGHT).values()) == {"c" * 64}
