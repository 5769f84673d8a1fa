"""A peer: which files of a far root are not here, by walking over SFTP with paramiko as a person's script would.

python sftp_walk.py ADDRESS PORT USER KEYS FAR_ROOT NEAR_ROOT
"""

from __future__ import annotations

import os
import stat
import sys

import paramiko


def walk(sftp: paramiko.SFTPClient, root: str, below: str = "") -> set[str]:
    """Return the path of every file below a far folder, relative to the root."""
    found: set[str] = set()
    for entry in sftp.listdir_attr(f"{root}/{below}"):
        path = f"{below}{entry.filename}"
        if stat.S_ISDIR(entry.st_mode or 0):
            found |= walk(sftp, root, f"{path}/")
        else:
            found.add(path)
    return found


def main() -> None:
    """Print the missing."""
    address, port, user, keys, far_root, near_root = sys.argv[1:]
    client = paramiko.SSHClient()
    client.load_host_keys(f"{keys}/known_hosts")
    client.connect(address, int(port), user, key_filename=f"{keys}/user", allow_agent=False, look_for_keys=False)
    with client, client.open_sftp() as sftp:
        there = walk(sftp, far_root)
    here = {os.path.relpath(f"{folder}/{name}", near_root) for folder, _, names in os.walk(near_root) for name in names}
    for path in sorted(there - here):
        print(path)


if __name__ == "__main__":
    main()
