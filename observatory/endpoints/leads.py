r"""Ways that lead nowhere: folders asked for that are not there because a link on the way to them is broken.

A night without a folder is a night without data; a night behind a link to a disk that is not mounted is one that
nobody could look at, and one behind a link out of the root is not looked at. Words of the listing script only:
folder by folder the same is told by walk.py.
"""

from __future__ import annotations

from typing import Literal

LEADS_NOWHERE = "is a link that leads nowhere: is its disk mounted?"
LEADS_OUT = "is a link that leads out of the root, which was not followed"
A_LINK = "is a link, which the specification does not follow"

_SAY = rb"""say() { printf "find: '%%s': %%s\n" "$1" "$2" >&2; }
nowhere='%s'
out='%s'
alink='%s'
seen=
""" % (LEADS_NOWHERE.encode(), LEADS_OUT.encode(), A_LINK.encode())
"""Said in find's own words, so that it is read as one of its complaints."""

_FOLDER = rb"""
  if [ -L "$folder" ]; then
    real=$(readlink -f -- "$folder" 2>/dev/null; echo x); real=${real%?x}
    if [ ! -e "$folder" ]; then say "$folder" "$nowhere"; else
      case $real in "$NIGHTFERRY_ROOT"/?*) ;; *) say "$folder" "$out" ;; esac
    fi
  fi"""

_FOLDER_IS_LINK = rb"""
  if [ -L "$folder" ]; then say "$folder" "$alink"; fi"""

_WAY = rb"""
  way=${folder%/*}
  [ "$way" != "$folder" ] && [ "$way" != "$seen" ] || continue
  seen=$way
  while :; do
    if [ -L "$way" ] && [ ! -e "$way" ]; then say "$way" "$nowhere"; fi
    case $way in */*) way=${way%/*} ;; *) break ;; esac
  done"""


def leads_of(symlinks: Literal["follow-inside", "copy", "refuse"]) -> bytes:
    """Return shell words that complain of such folders among the arguments, and leave the arguments as they are.

    A night's folder that is itself a link stands for its files only where links are followed; else nobody sees them.
    """
    own = _FOLDER if symlinks == "follow-inside" else _FOLDER_IS_LINK
    return _SAY + b"for folder do" + own + _WAY + b"\ndone\n"
