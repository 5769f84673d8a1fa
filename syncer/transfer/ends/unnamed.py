"""Small files that have no name until they are whole, where the system and the file system know such (Linux).

The text of this module is run by any python3, 3.6 or later, at both ends of one ssh connection: only the standard
library, no import but of its sisters, no annotation that 3.6 could not evaluate.
What to do where this is not to be had is receiver.py's question.
"""

import os

_O_TMPFILE = getattr(os, "O_TMPFILE", 0)
_OPEN_FILES = "/proc/self/fd"


class Unnamed:
    """Puts files at their places by one link: a sixth less work than a temporary name, and a killed one leaves nothing.

    Parameters
    ----------
    folder : bytes
        On the file system that the files are to lie on.
    """

    def __init__(self, folder: bytes) -> None:
        self._folder = folder
        self._is_had = bool(_O_TMPFILE)
        self._open_files = -1
        self._as_created = {}  # type: dict[int, bool]

    def put(self, target: bytes, data: bytes, mode: int, mtime_ns: int) -> bool:
        """Write a whole file, and then give it its name; False: not in this way, and nothing is there.

        A name that is taken is left alone.

        Raises
        ------
        OSError
            It could not be written.
        """
        descriptor = self._opened(mode) if self._is_had else -1
        if descriptor < 0:
            return False
        try:
            write_all(descriptor, data)
            self._settle(descriptor, mode, mtime_ns)
            return self._named(descriptor, target)
        finally:
            os.close(descriptor)

    def _opened(self, mode: int) -> int:
        """Many a file system knows no files without a name, and some a system without ``/proc``."""
        try:
            if self._open_files < 0:
                self._open_files = os.open(_OPEN_FILES, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            return os.open(self._folder, os.O_WRONLY | _O_TMPFILE | os.O_CLOEXEC, mode & 0o777)
        except OSError:
            self._is_had = False
            return -1

    def _settle(self, descriptor: int, mode: int, mtime_ns: int) -> None:
        """Set the bits, unless the first file of that mode showed that the system gives them as they are asked."""
        if mode not in self._as_created:
            self._as_created[mode] = os.fstat(descriptor).st_mode & 0o7777 == mode
        if not self._as_created[mode]:
            os.fchmod(descriptor, mode)
        os.utime(descriptor, ns=(mtime_ns, mtime_ns))

    def _named(self, descriptor: int, target: bytes) -> bool:
        try:
            os.link(b"%d" % descriptor, target, src_dir_fd=self._open_files, follow_symlinks=True)
        except FileExistsError:
            return False
        except OSError:
            self._is_had = False
            return False
        return True


def write_all(descriptor: int, data: "bytes | memoryview") -> None:
    """Write all of some bytes."""
    done = os.write(descriptor, data)
    while done < len(data):
        done += os.write(descriptor, data[done:])
