"""Which line of a far program's standard error is given as the reason."""

from __future__ import annotations

import pytest

from observatory.endpoints.shell import first_line

REFUSED = b"mkdir: cannot create directory './2026/1120': Permission denied"


@pytest.mark.parametrize(
    "login",
    [
        b"Could not chdir to home directory /home/observer: No such file or directory",
        b"bash: warning: setlocale: LC_ALL: cannot change locale (en_US.UTF-8)",
        b"/bin/bash: warning: setlocale: LC_ALL: cannot change locale (en_US.UTF-8)",
    ],
)
def test_what_a_login_says_is_no_reason(login: bytes) -> None:
    """An account without a home, or of another locale, says so before each program; alone it is better than nothing."""
    assert first_line(login + b"\n" + REFUSED + b"\nmkdir: another\n") == REFUSED.decode()
    assert first_line(login + b"\n") == login.decode()


def test_the_first_line_is_shown_in_one_line() -> None:
    """Whatever it holds; nothing said is nothing."""
    assert first_line(b"\ncat: a\x1b[0m\xff: gone\nb") == r"cat: a\x1b[0m\xff: gone"
    assert first_line(b" \n") == ""
