"""Whether what arrived is listed under the very name it was given.

Engines look by name, and a file system that folds case or Unicode form answers to many names; only its listing says
which one it keeps. What can be told before a byte moves is said in questions.py and safety.py.
"""

from __future__ import annotations

import posixpath
import uuid
from dataclasses import replace

from observatory.endpoints.contract import Act, Look
from observatory.errors import CommandFailed
from observatory.listing import Scope
from observatory.records import NUL, path_of
from syncer.transfer.contract import CarryResult, NotArrived
from syncer.transfer.folders import TMP

MISSPELT = "the destination's file system lists it under another name: it folds case or Unicode form"
NOT_LISTED = "was written, but whether the destination lists it under its name could not be told"


def folds_form(destination: Act, root: bytes) -> bool:
    """Try whether the destination's file system folds Unicode form, by a file of our own that is swept.

    Raises
    ------
    CommandFailed
        It could not be written.
    """
    name = uuid.uuid4().hex.encode()
    destination.make_folders(root, [TMP])
    written, asked = (posixpath.join(TMP, letter.encode() + name) for letter in ("\u00e9", "e\u0301"))
    try:
        destination.create(posixpath.join(root, written), 0o644).close()
        (found,) = destination.stat(root, [asked])
    except OSError as error:
        raise CommandFailed(destination.name, "trying how it folds names", error.strerror or str(error)) from error
    destination.remove(posixpath.join(root, written))
    return found.size_bytes is not None


def without_misspelt(result: CarryResult, destination: Look, scope: Scope, folds_case: bool) -> CarryResult:
    """List the destination again, and call arrived only what bears its own name there.

    Parameters
    ----------
    result : CarryResult
    destination : Look
    scope : Scope
        What is asked of the destination; all targets of `result` are within it.
    folds_case : bool
        False: only names beyond ASCII are doubted, since Unicode's forms may be folded where case is not.

    Raises
    ------
    CouldNotTell
        The destination could not be listed.
    """
    doubted = {one.item.target for one in result.arrived if folds_case or not one.item.target.isascii()}
    if not doubted:
        return result
    is_whole = _strike_out(doubted, destination, scope)
    reason = MISSPELT if is_whole else NOT_LISTED
    return replace(
        result,
        arrived=tuple(one for one in result.arrived if one.item.target not in doubted),
        failed=(
            *result.failed,
            *(NotArrived(one.item, reason) for one in result.arrived if one.item.target in doubted),
        ),
    )


def _strike_out(doubted: set[bytes], destination: Look, scope: Scope) -> bool:
    """Remove from a set of paths what the destination lists; say whether its listing was whole."""
    survey = destination.survey(scope.request)
    try:
        for chunk in survey:
            doubted.difference_update(path_of(record) for record in chunk[:-1].split(NUL))
        return not survey.troubles
    finally:
        survey.close()
