# SPDX-License-Identifier: Apache-2.0
"""Runs a command where the file system refuses it something, also if the caller is root:

confined.py unprivileged COMMAND...           without root's right to pass over permissions
confined.py read-only FOLDER COMMAND...       FOLDER is mounted read-only
confined.py small-disk FOLDER BYTES COMMAND...  FOLDER is a disk of BYTES with a copy of what was in it; after the
                                              command what is on it is copied to FOLDER.after

The exit status is that of the command, 77 where the system does not allow this. The mounts are seen by the
command only and go with it.
"""
import ctypes
import os
import shutil
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def require(result, what):
    if result != 0:
        print(f"confined.py: {what}: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
        sys.exit(77)


def own_mounts():
    """A mount namespace; who is not root becomes root of a user namespace for it."""
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNS) != 0:
        require(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "no namespace of its own")
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    require(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mounts are shared")


def mount_small_disk(folder, size):
    kept = folder + ".kept"
    shutil.copytree(folder, kept)
    require(libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={size},mode=755".encode()), "no tmpfs")
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    shutil.rmtree(kept)


def main():
    kind, *rest = sys.argv[1:]
    if kind == "unprivileged":
        # What a program gets at its start is what this set leaves of it.
        if os.geteuid() == 0:
            for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
                require(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "root stays root")
        os.execvp(rest[0], rest)
    folder = os.path.abspath(rest[0])
    here = os.getcwd()
    own_mounts()
    if kind == "read-only":
        path = os.fsencode(folder)
        require(libc.mount(path, path, None, MS_BIND, None), "no bind mount")
        require(libc.mount(path, path, None, MS_BIND | MS_REMOUNT | MS_RDONLY, None), "no read-only mount")
        os.chdir(here)  # into what is mounted there now
        os.execvp(rest[1], rest[1:])
    assert kind == "small-disk", kind
    mount_small_disk(folder, int(rest[1]))
    os.chdir(here)
    status = subprocess.run(rest[2:]).returncode
    shutil.copytree(folder, folder + ".after")
    sys.exit(status if status >= 0 else 128 - status)


main()
