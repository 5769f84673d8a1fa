"""A workplace where nothing is configured: the shipped instruments, a ledger in the user's own state folder.

For people with a drive and a laptop, who want observations and no observatory. Only what needs neither hosts nor
chains works here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from converters.export.section import KEY
from nightferry.sections import section_models
from nightferry.workplace import Workplace
from observatory.spec import yaml
from observatory.spec.judge import judge
from observatory.spec.models import Host, Instrument, Site, Specification
from observatory.spec.owned import instrument_model


def offsite_workplace(environ: Mapping[str, str], home: Path) -> Workplace:
    """Return a workplace whose instruments are the shipped ones that know how to export.

    Its ledger lies in ``$XDG_STATE_HOME/nightferry``, by default ``~/.local/state/nightferry``.
    """
    state = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "nightferry"
    site = Site(site="here", timezone="UTC", state=str(state), hosts={"here": Host(local=True)})
    instruments = {one.instrument: one for one in _shipped()}
    return Workplace(Specification(folder=str(state), site=site, instruments=instruments))


def _shipped() -> Iterator[Instrument]:
    package = Path(__file__).parent
    installed = package / "examples"  # the wheel's place for what the repository has in instruments.d
    folder = installed if installed.is_dir() else package.parent / "instruments.d"
    model = instrument_model(section_models())
    for path in sorted(folder.glob("*.yaml")):
        document = yaml.read(path, path.name)
        if isinstance(document.value, dict) and KEY in document.value:
            judged = judge(document, model)
            if judged.value is not None and not judged.problems:
                yield judged.value
