#!/usr/bin/env python3
"""Checks a proof of freed files without nightferry: the standard library of Python 3.8 or later is enough.

    check_proof.py PROOF.json [...] [--root COPY=DIR ...]

For every file that was freed it asks: do so many other copies hold the same bytes, in places that are all different,
each a file of its own, read within so many days and seen unchanged, or read again, before the file went? With --root
the copies are read now, below the folder where one is mounted here, and must still hold these bytes. What is not in
the proof (whether its words were true) only --root can tell.

Exit status: 0 every file is proven, 1 some are not, 2 what was given is no proof.
"""

import argparse
import base64
import datetime as dt
import hashlib
import json
import math
import os
import sys
from pathlib import Path

GRAIN_S = 1e-6


def main(words=None):
    """Check the proofs named on the command line and return the exit status."""
    parser = argparse.ArgumentParser(description="Check proofs of freed files.")
    parser.add_argument("proofs", nargs="+", metavar="PROOF.json")
    parser.add_argument("--root", action="append", default=[], metavar="COPY=DIR", help="read this copy again")
    given = parser.parse_args(words)
    roots = dict(text.partition("=")[::2] for text in given.root)
    unread = set(roots)
    for name in sorted(name for name, folder in roots.items() if not Path(folder or "-").is_dir()):
        sys.stderr.write(f"--root {name}: COPY=DIR is wanted, and DIR must be a folder: {roots[name]!r} is none\n")
        return 2
    status = 0
    for path in given.proofs:
        try:
            proof = json.loads(Path(path).read_text(encoding="utf-8"))
            unread -= set(proof["copies"])
            faults = list(faults_of(proof)) + list(reread(proof, roots))
            count = len(proof["files"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            sys.stderr.write(f"{path}: no proof that can be checked: {error!r}\n")
            return 2
        for fault in faults:
            sys.stdout.write(f"{path}: {fault}\n")
        verdict = f"NOT PROVEN, {len(faults)} faults" if faults else "proven"
        sys.stdout.write(f"{path}: {count} files, {verdict}\n")
        status = max(status, 1 if faults else 0)
    if unread:
        sys.stderr.write(f"--root: no proof knows a copy {', '.join(sorted(unread))}: nothing was read there\n")
        return 2
    return status


def faults_of(proof):
    """Yield a sentence for everything in a proof that does not hold."""
    if proof["proof"] != "nightferry prune" or proof["version"] != 1:
        raise ValueError("another kind or version of proof")
    rest = {key: value for key, value in proof.items() if key != "sum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()
    if hashlib.sha256(text).hexdigest() != proof["sum"]:
        yield "it was changed after it was written: its sum is another"
    if not proof["files"]:
        yield "it names no file"
    for one in proof["files"]:
        for fault in file_faults(proof, one):
            yield f"{shown(one['path'])}: {fault}"


def file_faults(proof, one):
    """Yield what does not hold of one freed file."""
    rule, made = one["rule"], dt.datetime.fromisoformat(proof["made_utc"])
    age = (night_of(proof["present_night"]) - night_of(one["night"])).days
    if age < max(1, rule["keep_nights"]):
        yield f"its night was {age} nights old; {rule['keep_nights']} nights are kept"
    if len(one["sha256"]) != 64:
        yield "it has no hash"
    for archive in sorted(set(rule["confirmed_by"]) - set(one["confirmed_by"])):
        yield f"{archive} did not confirm it"
    if rule["manifest"] and not one["in_manifest"]:
        yield "no manifest of it was sent"
    good = []
    for witness in one["witnesses"]:
        copy = proof["copies"][witness["copy"]]
        why = witness_fault(one, witness, copy, made) or sameness(proof["copy"], one, witness, copy, good)
        if why:
            yield f"{witness['copy']} does not count: {why}"
        else:
            good.append((copy, witness))
    if len(good) < rule["copies"] or rule["copies"] < 1:
        yield f"{len(good)} copies prove it, {rule['copies']} are asked for"
    if good and all(copy["is_absent"] for copy, _ in good):
        yield "no copy that proves it was looked at"


def witness_fault(one, witness, copy, made):
    """Return why one witness proves nothing; None where it does."""
    read, seen, again = witness["read"], witness["seen"], witness["reread_sha256"]
    if read is None or read["sha256"] != one["sha256"]:
        return "it was not read, or held other bytes"
    if read["size_bytes"] != one["size_bytes"]:
        return "it had another size"
    age = made - dt.datetime.fromisoformat(read["at_utc"])
    if not dt.timedelta(0) <= age <= dt.timedelta(days=one["rule"]["within_days"]):
        return f"it was read {age} before, {one['rule']['within_days']} days are allowed"
    if read["marker"] and read["marker"] != copy["marker"]:
        return "its root bears another marker than when it was read"
    if copy["is_absent"]:
        return None if one["rule"]["count_absent"] else "it was not there to be seen"
    if seen is None or not seen["is_file"]:
        return "it was not seen as a regular file"
    if again is not None:
        return None if again == one["sha256"] else "read again it held other bytes"
    if None in (read["changed_s"], seen["changed_s"], read["identity"], seen["identity"]):
        return "nothing shows that it was not touched, and it was not read again"
    same = seen["size_bytes"] == read["size_bytes"] and same_time(seen["mtime_s"], read["mtime_s"])
    same = same and abs(seen["changed_s"] - read["changed_s"]) < GRAIN_S
    same = same and inode(seen["identity"]) == inode(read["identity"])
    return None if same else "it was touched after it was read"


def sameness(own, one, witness, copy, good):
    """Return why a witness is no copy of its own: same place, folder or file as the freed one or another witness."""
    if copy["place"] in [own["place"]] + [other["place"] for other, _ in good]:
        return f"its place, {copy['place']}, counts once"
    mine = witness["seen"] or {}
    for other, seen in [(own, one)] + [(other, found["seen"] or {}) for other, found in good]:
        if copy["marker"] and copy["marker"] == other["marker"]:
            return f"its root is that of {other['name']}"
        if is_same_file(copy, mine, other, seen):
            return f"it is the very file of {other['name']}"
    if not copy["marker"] and None in (copy["machine"], mine.get("identity")):
        return "nothing tells its root from another"
    return None


def is_same_file(copy, mine, other, seen):
    """Say whether two names lead to one file: on one machine by device and inode, over NFS by inode and change."""
    if not mine.get("identity") or not seen.get("identity"):
        return False
    if copy["machine"] is not None and copy["machine"] == other["machine"]:
        return mine["identity"] == seen["identity"]
    if mine.get("changed_s") is None or seen.get("changed_s") is None:
        return False
    return inode(mine["identity"]) == inode(seen["identity"]) and abs(mine["changed_s"] - seen["changed_s"]) < GRAIN_S


def reread(proof, roots):
    """Yield what the copies that lie here do not hold now, each in a file of its own."""
    for one in proof["files"]:
        held = {}
        for witness in (found for found in one["witnesses"] if found["copy"] in roots):
            name, path = witness["copy"], place_of(roots[witness["copy"]], witness["path"])
            if path is None or path.is_symlink() or sum_of(path) != one["sha256"]:
                yield f"{name}: does not hold these bytes now: {shown(witness['path'])}"
                continue
            facts = path.stat()
            other = held.setdefault((facts.st_dev, facts.st_ino), name)
            if other != name:
                yield f"{name}: holds the very file of {other}: {shown(witness['path'])}"


def place_of(root, path):
    """Return where a file lies below a folder; None where its path leads out of it."""
    parts = os.fsdecode(raw(path)).split("/")
    return None if "" in parts or ".." in parts else Path(root, *parts)


def sum_of(path):
    """Return the SHA-256 of a file, None where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()


def same_time(one, other):
    """Say whether two times agree; some hosts tell whole seconds only."""
    if float(one).is_integer() or float(other).is_integer():
        return math.floor(one) == math.floor(other)
    return abs(one - other) < GRAIN_S


def inode(identity):
    """Return the inode of ``device:inode``."""
    return identity.rpartition(":")[2]


def night_of(text):
    """Return the date of a night written YYYYMMDD."""
    return dt.datetime.strptime(text, "%Y%m%d").date()


def raw(path):
    """Return a path as bytes: text, or what is no text in base64."""
    return path.encode() if isinstance(path, str) else base64.b64decode(path["bytes"])


def shown(path):
    """Return a path for people."""
    return raw(path).decode("utf-8", "backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
