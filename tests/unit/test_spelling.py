"""Names that a file system folds: what is tried before a byte moves, and what is listed afterwards."""

from __future__ import annotations

import unicodedata

from observatory.endpoints.contract import Survey, SurveyRequest, Trouble
from observatory.endpoints.memory import MemoryEndpoint
from observatory.names import form_key
from syncer.spelling import MISSPELT, NOT_LISTED, folds_form, without_misspelt
from syncer.transfer.contract import Arrived, CarryResult, Item
from tests.faults.folding import FormFolding
from tests.worlds import host, scope_of

STAR = "2016/0907/SHA_\u00e9toile.fits"
COMPOSED, DECOMPOSED = (unicodedata.normalize("NFC", STAR).encode(), unicodedata.normalize("NFD", STAR).encode())
PLAIN = b"2016/0907/SHA_1.fits"
ROOT = b"/archive/sha"


class Broken(MemoryEndpoint):
    """A host whose listing ends early."""

    def survey(self, request: SurveyRequest) -> Survey:
        """List nothing."""
        found = super().survey(request)
        list(found)
        found.troubles.append(Trouble(b"", "the line broke"))
        return found


def arrived(*targets: bytes) -> CarryResult:
    """Return what an engine says that brought these."""
    return CarryResult("sftp", tuple(Arrived(Item(target, target, 1, 0.0), 1, 0.0) for target in targets), ())


def test_two_forms_of_a_name_share_a_key_and_two_cases_do_not() -> None:
    """Bytes that are no UTF-8 stay what they are."""
    assert form_key(COMPOSED) == form_key(DECOMPOSED) != form_key(COMPOSED.upper())
    assert form_key(PLAIN) == PLAIN and form_key(b"\xff\xc3\xa9") == b"\xff\xc3\xa9"


def test_trying_whether_form_is_folded_leaves_nothing_behind() -> None:
    """On a disk that does, and on one that does not."""
    folding = FormFolding("archive")
    folding.put_folder(ROOT)
    plain: MemoryEndpoint = host("archive", ROOT, {})
    assert (folds_form(folding, ROOT), folds_form(plain, ROOT)) == (True, False)
    for endpoint in (folding, plain):
        assert not [path for path in endpoint.things if b"/tmp/" in path]


def test_only_what_is_listed_under_its_name_arrived() -> None:
    """The other form is listed; a plain name is doubted only where case is folded."""
    there = host("archive", ROOT, {DECOMPOSED: b"1"})
    scope = scope_of().destination
    result = without_misspelt(arrived(COMPOSED, DECOMPOSED, PLAIN), there, scope, folds_case=False)
    assert [one.item.target for one in result.arrived] == [DECOMPOSED, PLAIN]
    assert [(one.item.target, one.reason) for one in result.failed] == [(COMPOSED, MISSPELT)]
    strict = without_misspelt(arrived(PLAIN), there, scope, folds_case=True)
    assert [one.item.target for one in strict.failed] == [PLAIN]


def test_where_the_listing_breaks_it_is_not_said_to_be_misspelt() -> None:
    """Nobody could tell; and where no name is in doubt nobody asks."""
    there: MemoryEndpoint = host("archive", ROOT, {})
    broken = Broken("archive", things=there.things, now=there.now)
    result = without_misspelt(arrived(COMPOSED, PLAIN), broken, scope_of().destination, folds_case=False)
    assert [one.reason for one in result.failed] == [NOT_LISTED]
    assert without_misspelt(arrived(PLAIN), broken, scope_of().destination, folds_case=False) == arrived(PLAIN)
