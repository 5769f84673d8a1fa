"""What was replaced is kept, each version of it, however fast one follows the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.observatory import Observatory, fits_file


@pytest.mark.parametrize("engine", ["local", "rsync"])
def test_every_version_is_kept_although_several_fall_into_one_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    """Two runs within one second bear one time; the second does not set its versions over the first one's."""
    site = Observatory(tmp_path, (), capsys)
    site.add_local("dome")
    site.add_local("archive")
    site.declare(copies=[site.copy("dome"), site.copy("archive", transfer={"engine": engine})])
    site.mark("archive")
    (path,) = site.expose(["dome"], [1])
    versions = [fits_file(pixels=3000 * count, seed=count) for count in range(1, 8)]
    for number, version in enumerate(versions):
        site.put("dome", path, version, age_s=4000 - 10 * number)
        assert site.call("sync").status == 0
    aside = site.root("archive") / ".nightferry" / "replaced"
    kept = [aside / name / path for name in sorted(folder.name for folder in aside.iterdir())]
    assert [one.read_bytes() for one in kept] == versions[:-1]
