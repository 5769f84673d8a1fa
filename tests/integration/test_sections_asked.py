"""A command for a section that no instrument has: nobody is asked which instrument, and an example is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nightferry.cli.main import main

CALLS = {
    "export": [["spans"], ["spans", "--instrument", "sha"], ["export"]],
    "datastore": [["ingest", "file.fits"]],
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a site of one machine whose one instrument is only copied."""
    (tmp_path / "instruments.d").mkdir()
    site = {"site": "Here", "timezone": "UTC", "hosts": {"here": {"local": True}}}
    copies = [{"host": "here", "root": str(tmp_path / "data"), "origin": True}]
    sha = {"instrument": "sha", "layout": "%Y%m%d", "cameras": {"sha": {"files": ["*"]}}, "copies": copies}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    (tmp_path / "instruments.d" / "sha.yaml").write_text(yaml.safe_dump(sha))
    (tmp_path / "file.fits").touch()
    return tmp_path


@pytest.mark.parametrize(("section", "words"), [(key, call) for key, calls in CALLS.items() for call in calls])
def test_where_no_instrument_has_the_section_that_is_said(
    config: Path, section: str, words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2, the section and the folder by name, and where one can be seen; not a question without an answer."""
    monkeypatch.chdir(config)
    assert main(["--config", str(config), *words]) == 2
    said = capsys.readouterr().err
    assert f"no instrument of {config} has a section `{section}`" in said
    assert "`nightferry schema instrument`" in said and ".yaml among nightferry's examples" in said
    assert "which instrument" not in said
