# SPDX-License-Identifier: Apache-2.0
"""terminal.py COLUMNS COMMAND...: runs a command on a terminal that is COLUMNS wide, copies what it
writes there to stdout and ends with its exit status."""
import fcntl
import os
import pty
import struct
import sys
import termios

child, terminal = pty.fork()
if child == 0:
    # Before the command looks.
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
while True:
    try:
        text = os.read(terminal, 65536)
    except OSError:  # how Linux says that the other side is closed
        break
    if not text:
        break
    sys.stdout.buffer.write(text)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
