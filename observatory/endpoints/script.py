r"""The words a far shell is given: one quoting function, and the one script that lists a root.

Builds text only. What comes back is read by surveying.py; who runs it is local.py's and ssh.py's.

The script prints NUL-terminated records. First the preamble (`nightferry`, clock, marker, night, free, device,
`begin`), then one ``walked <status>`` per program that had to end well, then the sorted records of the listing,
then ``zend <status of sort>``. Since sort prints nothing before its input ends, the statuses always come first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from observatory.endpoints.contract import MARKER, NEVER_ENTERED, SurveyRequest
from observatory.endpoints.leads import leads_of
from observatory.endpoints.selections import Group, groups_of
from observatory.records import BY_LINK, NOT_ASKED

FOLDER = b"d"
"""Kind of the records that tell each folder's file system, inode and last change; they never leave surveying.py."""
SORT_MEMORY = b"8M"
"""Beyond it sort spills to its temporary folder: an instrument's computer may be small."""
FED = b"fed\0"
"""Closes standard input; without it the list of folders did not arrive whole."""

TOOLS_ARE_GNU = rb"""
[ "$(find /dev/null -maxdepth 0 -printf x 2>/dev/null)" = x ] &&
[ "$(printf 'b\0a\0' | sort -z -u -S 1M 2>/dev/null | sed -z 's/^a/c/' 2>/dev/null | tr '\0' ' ')" = 'c b ' ] &&
[ "$(printf 'a\0' | xargs -0 -r echo 2>/dev/null)" = a ] &&
[ "$(printf 'abc' | { head -c 2 >/dev/null 2>&1; cat; })" = c ] &&
readlink -f -- / >/dev/null 2>&1 && stat -f -c %a / >/dev/null 2>&1"""
"""A shell's condition: whether find, sort, sed, xargs, head, readlink and stat can all that a listing asks of them."""
_OTHER_TOOLS = rb" || { printf 'nightferry\0other-tools\0'; exit 0; }"

_SAFE = re.compile(rb"[A-Za-z0-9_@%+=:,./-]+")
_GLOB_RUN = re.compile(rb"([*?\[\]!-]+)")
_NEEDS_CODE = re.compile(rb"[^A-Za-z0-9 _./:=,@%+\-\"$&;|<>(){}\[\]*?~^#]")


def quote(argument: bytes) -> bytes:
    """Return a word that a POSIX shell reads as exactly these bytes.

    Raises
    ------
    ValueError
        It holds a NUL, which no argument can.
    """
    if b"\0" in argument:
        raise ValueError(f"an argument cannot hold NUL: {argument[:80]!r}")
    if _SAFE.fullmatch(argument):
        return argument
    return b"'" + argument.replace(b"'", b"'\\''") + b"'"


def command(argv: Iterable[bytes]) -> bytes:
    """Return a shell command that starts one program with exactly these arguments."""
    return b" ".join(quote(argument) for argument in argv)


def wrapped(script: bytes) -> bytes:
    r"""Return a POSIX script as one line that any login shell hands to ``/bin/sh`` unharmed.

    Observers' accounts often have tcsh, which reads ``!`` and newlines even inside single quotes. Whatever it
    or fish could stumble over travels as ``\0ooo``, for printf to turn back.
    """
    coded = _NEEDS_CODE.sub(lambda found: b"\\0%03o" % found[0][0], script)
    return b'exec /bin/sh -c \'eval "$(printf %b "$1")"\' sh \'' + coded + b"'"


def glob_word(pattern: bytes) -> bytes:
    """Return a shell pattern as a word: its wildcards stay wildcards, all else is quoted."""
    parts = _GLOB_RUN.split(pattern)
    return b"".join(part if index % 2 else (quote(part) if part else b"") for index, part in enumerate(parts))


def survey_script(request: SurveyRequest, tries_tools: bool = False) -> tuple[bytes, bytes, int]:
    """Return the script for a request, what it reads on standard input, and how many statuses it tells.

    With `tries_tools` it first looks whether the tools are GNU's, and only says so where they are not: the first
    listing then needs no question before it.
    """
    groups = groups_of(request.selections)
    walks, stdin = [], []
    for group in groups:
        names = b"".join(name + b"\0" for name in group.start_points())
        stdin.append(names)
        walks.append(_walk_group(group, len(names), request))
    stdin.append(FED)
    script = b"\n".join(
        [
            _preamble(request, tries_tools),
            _helpers(request),
            b"{ {",
            *walks,
            _check_fed(),
            b"} | " + _sort(),
            _END,
            b"} 3>&1",
        ]
    )
    statuses = 1 + sum(2 if group.is_dotted else 1 for group in groups)
    return script, b"".join(stdin), statuses


def _sort() -> bytes:
    return b"LC_ALL=C sort -z -u -S " + SORT_MEMORY


_END = b"printf 'zend %d\\0' \"$?\""


def _check_fed() -> bytes:
    return b"[ \"$(head -c 3)\" = fed ]; printf 'walked %d\\0' $(( $? * 126 )) >&3"


def _preamble(request: SurveyRequest, tries_tools: bool) -> bytes:
    root = quote(request.root)
    inside = quote(request.root.rstrip(b"/") + b"/.")
    lines = [
        b"LC_ALL=C; export LC_ALL; unset CDPATH",  # with a CDPATH `cd` may lead elsewhere, and prints where to
        *((TOOLS_ARE_GNU.strip() + _OTHER_TOOLS,) if tries_tools else ()),
        b"printf 'nightferry\\0clock %s\\0' \"$(date +%s.%N)\"; echo nightferry >&2",
        b"cd " + root + b" 2>/dev/null || { printf 'no-root %s\\0' \"$(ls -d " + inside + b' 2>&1)"; exit 0; }',
        b"problem=$(find . -mindepth 1 -maxdepth 1 -print -quit 2>&1 >/dev/null)",
        b'[ -z "$problem" ] || { printf \'no-root %s\\0\' "$problem"; exit 0; }',
        b"[ ! -f %b ] || printf 'marker %%s\\0' \"$(head -c 256 %b 2>/dev/null | tr -d '\\0')\"" % (MARKER, MARKER),
        *_night_test(request),
        b"printf 'free %s\\0device %s\\0' \"$(stat -f -c '%a %S' .)\" \"$(stat -c %d .)\"",
        b"boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)",
        b'printf \'identity %s:%s\\0begin\\0\' "$boot" "$(stat -c %d:%i .)"',
    ]
    return b"\n".join(lines)


def _night_test(request: SurveyRequest) -> Iterable[bytes]:
    if request.night_globs:
        words = b" ".join(glob_word(pattern) for pattern in request.night_globs)
        yield b"for folder in " + words + b"; do [ ! -d \"$folder\" ] || { printf 'night\\0'; break; }; done"
    if request.night_name:
        walk = b"find . -maxdepth 3 " + _prune() + b" -o -type f -printf '%f\\0' 2>/dev/null"
        yield walk + b" | grep -zqaE -e " + quote(request.night_name) + b" && printf 'night\\0'"


def _prune() -> bytes:
    names = b" -o ".join(b"-name " + quote(name) for name in NEVER_ENTERED)
    return b"\\( " + names + b" \\) -prune"


def _walk_group(group: Group, length: int, request: SurveyRequest) -> bytes:
    export = b"NIGHTFERRY_WALK=" + quote(b'exec find "$@" ' + _expression(group, request)) + b"; export NIGHTFERRY_WALK"
    if request.symlinks == "follow-inside":
        by_link = b'exec find -H "$@" ' + _expression(group, request, BY_LINK)
        export += b"\nNIGHTFERRY_BY_LINK=" + quote(by_link) + b"; export NIGHTFERRY_BY_LINK"
    walk = b'head -c %d | xargs -0 -r sh -c "$NIGHTFERRY_LEADS$NIGHTFERRY_WALK" sh; ' % length
    walk += b"printf 'walked %d\\0' \"$?\" >&3"
    if group.is_dotted:
        strip = b"sed -z 's|^\\(.\\)\\./\\([^/]\\)|\\1\\2|'; printf 'walked %d\\0' \"$?\" >&3"
        walk = b"{ " + walk + b"; } | { " + strip + b"; }"
    return export + b"\n" + walk


def _expression(group: Group, request: SurveyRequest, mark: bytes = b"") -> bytes:
    taken, excluded = group.tests()
    size_and_time = b"%p//" + (NOT_ASKED if request.names_only else b"%s/%T@" + mark) + b"\\0"
    clauses: list[Sequence[bytes]] = [
        (b"-type", b"f", *taken, b"-printf", b"f" + size_and_time),
        (b"-type", b"f", b"!", *excluded, b"-printf", b"u" + size_and_time),
        (b"!", b"-type", b"f", b"!", b"-type", b"d", b"!", b"-type", b"l", b"-printf", b"o%p//\\0"),
    ]
    if request.symlinks == "follow-inside":
        follow = b'-type l -exec sh -c "$NIGHTFERRY_LINKS" sh {} +'
    else:
        follow = command((b"-type", b"l", b"-printf", b"l%p//%l\\0"))
    parts = [_prune(), *(command(clause) for clause in clauses), follow]
    parts.append(command((b"-type", b"d", b"-printf", FOLDER + b"%p//%D/%i:%C@\\0")))
    return (b"-xdev " if request.one_file_system else b"") + b" -o ".join(parts)


_LINKS = rb"""
status=0
for link do
  shift
  real=$(readlink -f -- "$link" 2>/dev/null; echo x); real=${real%?x}
  case $real in "$NIGHTFERRY_ROOT"/?*) below=${real#"$NIGHTFERRY_ROOT"/} ;; *) below=/ ;; esac
  case $below/ in
    /*) ;;
    .nightferry/* | */.nightferry/* | lost+found/* | */lost+found/*) ;;
    ?*)
      if [ -f "$link" ]; then set -- "$@" "$link"; continue; fi
      if [ -d "$link" ]; then
        case $link in */*) folder=${link%/*} ;; *) folder=. ;; esac
        here=$(cd -P -- "$folder" && pwd -P; echo x); here=${here%?x}
        chain="$NIGHTFERRY_CHAIN//$here/"
        case $chain in
          *"//$real/"*) ;;
          *) NIGHTFERRY_CHAIN=$chain sh -c "$NIGHTFERRY_BY_LINK" sh "$link" || status=1; continue ;;
        esac
      fi ;;
  esac
  target=$(readlink -n -- "$link"; echo x)
  printf 'l%s//%s\0' "$link" "${target%x}"
done
[ $# -eq 0 ] || sh -c "$NIGHTFERRY_BY_LINK" sh "$@" || status=1
exit $status
"""
"""What becomes of links under follow-inside. A folder is not entered through a link when it holds a folder that
the way to the link has been in already: NIGHTFERRY_CHAIN is that way, each real folder between ``//`` and ``/``,
which no path can hold otherwise."""


def _helpers(request: SurveyRequest) -> bytes:
    leads = b"NIGHTFERRY_LEADS=" + quote(leads_of(request.symlinks)) + b"; export NIGHTFERRY_LEADS"
    return leads + b"\n" + _links_helper(request)


def _links_helper(request: SurveyRequest) -> bytes:
    if request.symlinks != "follow-inside":
        return b""
    return b"\n".join(
        [
            b"NIGHTFERRY_ROOT=$(pwd -P; echo x); NIGHTFERRY_ROOT=${NIGHTFERRY_ROOT%?x}; NIGHTFERRY_CHAIN=",
            b'[ "$NIGHTFERRY_ROOT" != / ] || NIGHTFERRY_ROOT=',
            b"NIGHTFERRY_LINKS=" + quote(_LINKS),
            b"export NIGHTFERRY_ROOT NIGHTFERRY_CHAIN NIGHTFERRY_LINKS",
        ]
    )
