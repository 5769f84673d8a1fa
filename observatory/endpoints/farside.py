r"""The program that a far Python runs for us: hash, look at, or judge the files named on its standard input.

Made of this module's text and, for judging, of observatory/formats; it needs the standard library of Python 3.6
and nothing installed. Names come in and answers go out NUL-terminated, one answer per name, in order. A lone
``.`` is a sign of life from within a long file.
"""

from __future__ import annotations

import base64
import inspect
import zlib
from types import ModuleType

ALIVE = b"."
"""An answer that answers nothing: the program still works on the same file."""

ALONE = (b"-I", b"-S", b"-c")
"""How a Python is told to run a program of ours: by the standard library alone. A `struct.py` in the home folder or
in PYTHONPATH would take its place, and what a host does when any Python starts may take longer than the program."""

_LOOP = r"""
import errno, hashlib, os, stat, sys, time

def names(stream):
    rest = b""
    while True:
        block = stream.read1(65536) if hasattr(stream, "read1") else stream.read(65536)
        if not block:
            return
        whole = (rest + block).split(b"\0")
        rest = whole.pop()
        for name in whole:
            yield name

def alive(last):
    if time.time() - last[0] > 5:
        last[0] = time.time()
        sys.stdout.buffer.write(b".\0")
        sys.stdout.buffer.flush()

block = bytearray(1 << 20)
view = memoryview(block)

def regular(name):
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
    stream = os.fdopen(descriptor, "rb", 0)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        stream.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return stream

def do_hash(name):
    with regular(name) as stream:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        digest, last = hashlib.sha256(), [time.time()]
        while True:
            count = stream.readinto(block)
            if not count:
                return b"=" + digest.hexdigest().encode()
            digest.update(view[:count])
            alive(last)

def do_stat(name):
    try:
        found = os.lstat(name)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return b"-"
        raise
    modified, changed = ("%d.%09d" % divmod(at, 10**9) for at in (found.st_mtime_ns, found.st_ctime_ns))
    identity = "%d:%d" % (found.st_dev, found.st_ino)
    return ("=%d %d %s %s %s" % (found.st_mode, found.st_size, modified, identity, changed)).encode()

def do_inspect(name, sums):
    state, reason = judge(name, sums)
    return ("=" + state + " " + reason).encode("utf-8", "replace").replace(b"\0", b"")

def say_differing(tolerance):
    out, last = sys.stdout.buffer, [time.time()]
    for number, promise in enumerate(names(sys.stdin.buffer)):
        size, mtime, name = promise.split(b" ", 2)
        try:
            found = os.lstat(name)
        except OSError:
            pass
        else:
            kept = found.st_size == int(size) and stat.S_ISREG(found.st_mode)
            if kept and abs(found.st_mtime_ns / 1e9 - float(mtime)) <= tolerance:
                if not number % 1000:
                    alive(last)
                continue
        out.write(b"%d " % number + answer(do_stat, name) + b"\0")
    out.write(b"end\0")
    out.flush()

def answer(work, name):
    try:
        return work(name)
    except OSError as error:
        return b"!" + (error.strerror or str(error)).encode("utf-8", "replace")
    except (ValueError, OverflowError) as error:
        return b"!" + str(error).encode("utf-8", "replace").replace(b"\0", b"")

def main(work, root):
    os.chdir(root)
    out = sys.stdout.buffer
    flushed = time.time()
    for name in names(sys.stdin.buffer):
        out.write(answer(work, name) + b"\0")
        if time.time() - flushed > 0.5:
            out.flush()
            flushed = time.time()
    out.write(b"end\0")
    out.flush()
"""
"""Runs at the far end. Files are dropped from the page cache before they are hashed, as far as the system lets
us: what was just written is then read from the disk, which is what the proof is about."""

_START = "main(%s, os.fsencode(sys.argv[1]))\n"
_DIFFERING = "os.chdir(os.fsencode(sys.argv[1])); say_differing(%r)\n"


def _module(module: ModuleType) -> str:
    return inspect.getsource(module)


def program(work: str, modules: dict[str, ModuleType] | None = None) -> bytes:
    """Return the words for ``python3 -c``: `work` is Python such as ``do_hash``.

    `modules` are built there under their names first, in order, so that they may import one another.
    """
    judge = f"judge = sys.modules[{list(modules)[-1]!r}].judge\n" if modules else ""
    return _packed(_LOOP + _installed(modules or {}) + judge + _START % work)


def differing_program(tolerance_s: float) -> bytes:
    """Return the words for ``python3 -c`` that answer only for paths that are not as promised.

    In come ``size mtime path``, out go the number of the promise, from 0, and what `do_stat` says.
    """
    return _packed(_LOOP + _DIFFERING % tolerance_s)


def packed_program(modules: dict[str, ModuleType]) -> bytes:
    """Return the words for ``python3 -c`` that build some modules, in order, and start the last one's ``main``."""
    return _packed("import sys\n" + _installed(modules) + f"sys.modules[{list(modules)[-1]!r}].main()\n")


def _packed(text: str) -> bytes:
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    return f"import base64,zlib;exec(zlib.decompress(base64.b64decode('{packed}')).decode())".encode()


def _installed(modules: dict[str, ModuleType]) -> str:
    return "".join(_install(name, _module(module)) for name, module in modules.items())


def _install(name: str, source: str) -> str:
    folders = name.split(".")[:-1]
    lines = ["import types\n"]
    for count in range(1, len(folders) + 1):
        package = ".".join(folders[:count])
        lines.append(f"sys.modules.setdefault({package!r}, types.ModuleType({package!r})).__path__ = []\n")
    lines.append(f"m = types.ModuleType({name!r}); sys.modules[{name!r}] = m\n")
    lines.append(f"exec(compile({source!r}, {name!r}, 'exec'), m.__dict__)\n")
    if folders:
        lines.append(f"setattr(sys.modules[{'.'.join(folders)!r}], {name.split('.')[-1]!r}, m)\n")
    return "".join(lines)
