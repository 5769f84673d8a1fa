"""Small forms of text: what is taken, what is tidied, what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.spec import forms

GOOD: list[tuple[Callable[[str], object], str, object]] = [
    (forms.root, "/data//sha/./x/", "/data/sha/x"),
    (forms.root, "//data", "/data"),
    (forms.root, "/data/..x/y..", "/data/..x/y.."),
    (forms.clock, "00:00", "00:00"),
    (forms.clock, "utc", "utc"),
    (forms.night, "20160907", "20160907"),
    (forms.night, "2016-02-29", "20160229"),
    (forms.layout, "{camera}/%Y_%m_%d", "{camera}/%Y_%m_%d"),
    (forms.sequence, "SHA_{night}.{number}.fits", "SHA_{night}.{number}.fits"),
    (forms.night_expression, "(?P<night>[0-9]{8})", "(?P<night>[0-9]{8})"),
    (forms.mail_address, "data-managers@saao.ac.za", "data-managers@saao.ac.za"),
    (forms.mail_address, "root@localhost", "root@localhost"),
    (forms.database, "sqlite:///catalogue.db", "sqlite:///catalogue.db"),
    (forms.database, "sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db"),
    (forms.database, "postgresql+psycopg://user@host/name", "postgresql+psycopg://user@host/name"),
    (
        forms.database,
        "postgresql://user@/name?host=%2Frun%2Fpostgresql&passfile=%2Fetc%2Fpgpass",
        "postgresql://user@/name?host=%2Frun%2Fpostgresql&passfile=%2Fetc%2Fpgpass",
    ),
    (forms.database, "postgresql://user@[::1]:5433/name", "postgresql://user@[::1]:5433/name"),
    (forms.web_address, "https://monitor.example.org/ping/x", "https://monitor.example.org/ping/x"),
    (forms.workers, "2", 2),
    (forms.workers, "tcp://scheduler:8786", "tcp://scheduler:8786"),
    (forms.companion, "{stem}.txt", "{stem}.txt"),
]


@pytest.mark.parametrize(("form", "text", "expected"), GOOD)
def test_what_is_well_formed_is_taken(form: Callable[[str], object], text: str, expected: object) -> None:
    """As it is, or in its plain form."""
    assert form(text) == expected


BAD: list[tuple[Callable[[str], object], str]] = [
    (forms.root, "data"),
    (forms.root, "~/data"),
    (forms.root, "/data/../x"),
    (forms.root, "/data\n"),
    (forms.clock, "24:00"),
    (forms.clock, "8:00"),
    (forms.clock, "12:30:00"),
    (forms.clock, "12:00\n"),
    (forms.night, "20160230"),
    (forms.night, "2016-0907"),
    (forms.night, "2016-W36-3"),
    (forms.night, "today"),
    (forms.night, "٢٠١٦٠٩٠٧"),
    (forms.layout, "%Y/%m"),
    (forms.layout, "/%Y/%m%d"),
    (forms.layout, "%Y/../%m%d"),
    (forms.layout, "%Y/%q%d"),
    (forms.sequence, "SHA.fits"),
    (forms.sequence, "{number}{number}"),
    (forms.sequence, "{number}{expid}"),
    (forms.sequence, "{number"),
    (forms.sequence, "{}{number}"),
    (forms.night_expression, "[0-9]{8}"),
    (forms.night_expression, "("),
    (forms.mail_address, "a@b\r\nBcc: c@d"),
    (forms.mail_address, "Data Managers <a@b>"),
    (forms.mail_address, "a"),
    (forms.mail_address, "a@b,c@d"),
    (forms.database, "sqlite://"),
    (forms.database, "mysql://host/name"),
    (forms.database, "postgresql://user:secret@host/name"),
    (forms.database, "postgresql://host"),
    (forms.database, "postgresql://[::1/name"),
    (forms.database, "postgresql://host:port/name"),
    (forms.database, "postgresql://one:5432,two:5432/name"),
    (forms.database, "postgresql://user@host/name?sslmode=require&password=secret"),
    (forms.database, "postgresql://user@host/name?sslpassword=secret"),
    (forms.database, "postgresql://user@host/name?pasword=secret"),
    (forms.web_address, "file:///etc/passwd"),
    (forms.web_address, "https://u:p@host/"),
    (forms.workers, "0"),
    (forms.workers, "many"),
    (forms.workers, "tcp://host"),
    (forms.pattern, ""),
    (forms.pattern, "/x"),
    (forms.pattern, "../x"),
    (forms.pattern, "SHA_[a-[:alpha:]].fits"),
    (forms.pattern, "SHA_[0-[.z.]].fits"),
    (forms.companion, "*.txt"),
    (forms.folder, "/calib"),
    (forms.folder, "a//b"),
    (forms.zone, "Africa/Johannesburgh"),
    (forms.zone, "../etc/passwd"),
    (forms.zone, ""),
]


@pytest.mark.parametrize(("form", "text"), BAD)
def test_what_is_malformed_is_refused_with_a_sentence(form: Callable[[str], object], text: str) -> None:
    """ValueError, and nothing else."""
    with pytest.raises(ValueError, match=r"\w"):
        form(text)


@pytest.mark.parametrize("text", ["0 8 31 2 *", "0 8 30,31 feb *", "0 8 31 apr-jun/2,9,11 *", "0 8 30-31/1 2 *"])
def test_a_job_that_never_falls_due_is_refused(text: str) -> None:
    """Nobody would be told that it does not run."""
    with pytest.raises(ValueError, match=r"never falls due: there is no day 3[01] in such a month"):
        forms.cron(text)


@pytest.mark.parametrize("text", ["*.fits", "a-[.]b", "[-[:alpha:]]*", "[a-z[:digit:]-]", "[x]-[:]", "sub/[!a].dat"])
def test_patterns_of_which_every_find_makes_the_same_are_taken(text: str) -> None:
    """A hyphen at either end of a bracket is one; outside of brackets nothing is a range."""
    assert forms.pattern(text) == text


@pytest.mark.parametrize(
    "text",
    ["0 8 * * *", "*/15 * * * *", "0 8,20 1-15 * mon-fri", "59 23 31 12 7", "0 0 * jan-mar/2 SUN", "5/20 0 * * *",
     "0 8 29 2 *", "0 8 31 2 mon", "0 8 28-31 feb *", "0 8 31 2,3 *", "0 8 */30 2 *", "0 8 30/1 4-6/2 *"],
)  # fmt: skip
def test_cron_expressions_of_five_fields_are_taken(text: str) -> None:
    """Numbers, names, ranges, lists and steps."""
    assert forms.cron(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "0 8 * *", "0 0 8 * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
     "*/0 * * * *", "a * * * *", "1, * * * *", "-1 * * * *", "* * * * mon-", "@daily", "* * * foo *"],
)  # fmt: skip
def test_what_cron_would_not_run_is_refused(text: str) -> None:
    """At once, and not on the night it was meant for."""
    with pytest.raises(ValueError, match=r"cron|no "):
        forms.cron(text)


@given(st.text(max_size=30))
def test_no_text_escapes_a_form_as_anything_but_a_value_error(text: str) -> None:
    """pydantic turns those, and only those, into problems."""
    for form in {form for form, _ in BAD} | {forms.cron}:
        try:
            form(text)
        except ValueError:
            continue
