#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the console blocks of the pages against the executable in MINFOLD: run_blocks.py [PAGE or FOLDER...].

Blocks of one page share an empty folder. A command must end with 0, or with what `$ echo $?` shows after
it. Its output is compared where the block shows some: `...` stands for what differs between machines, a line
`...` for any lines. A block under `<!-- needs WORD -->` is skipped where no help text has the word. A toml block becomes the file that its first line, `# NAME`, names.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from blocks import commands, listed, of_page, pages, root

failures = run_commands = 0


def fits(shown, printed):
    pattern = ""
    for line in shown:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(re.escape(part) for part in line.rstrip().split("...")) + r"[ ]*\n"
    return re.fullmatch(pattern, printed if printed.endswith("\n") or not printed else printed + "\n")


def complain(block, text):
    global failures
    failures += 1
    print(f"{block}: {text}")


def run(page, environment, known):
    global run_commands
    with tempfile.TemporaryDirectory() as folder:
        for block in of_page(page):
            if block.needs and block.needs not in known:
                print(f"{block}: skipped, the executable has no {block.needs}")
                continue
            if block.info == "toml":
                name = re.match(r"# (\S+\.toml)", block.text)
                if not name:
                    complain(block, "a toml block begins with `# NAME.toml`")
                    continue
                Path(folder, name.group(1)).write_text(block.text + "\n")
            if block.info != "console" or any(command in listed for command, _, _ in commands(block)):
                continue
            for command, shown, status in commands(block):
                done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True,
                                      text=True, timeout=120)
                run_commands += 1
                printed = done.stdout or done.stderr
                if done.returncode != status:
                    complain(block, f"$ {command}\nended with {done.returncode}, shown is {status}\n{done.stdout}{done.stderr}")
                elif shown and not fits(shown, printed):
                    complain(block, f"$ {command}\nprinted\n{printed}shown is\n" + "\n".join(shown))


if __name__ == "__main__":
    minfold = Path(os.environ["MINFOLD"])
    environment = dict(os.environ, PATH=f"{minfold.parent}:{os.environ['PATH']}", MINFOLD_SOURCE_DIR=str(root))
    known = "".join(subprocess.run([str(minfold), *arguments], capture_output=True, text=True, check=True).stdout
                    for arguments in (["--help"], ["solve", "--help"])).split()
    # A folder stands for the pages in it, "docs" not for those of its folders.
    chosen = [root / name for name in sys.argv[1:]] or [root / "docs", *{page.parent for page in pages}]
    for page in [page for page in pages if page in chosen or page.parent in chosen]:
        run(page, environment, known)
    print(f"{run_commands} commands")
    if not run_commands:
        sys.exit("no page has a command: this test is out of date")
    sys.exit(1 if failures else 0)
