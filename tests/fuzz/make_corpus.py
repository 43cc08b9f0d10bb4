#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the corpora of tests/fuzz/corpus that are made, not found: make_corpus.py [FOLDER].

A name says what the reader has to do: valid-... is accepted, refused-... is refused. Files with other
names have been found by the fuzzers and are not touched.
"""

import gzip
import pathlib
import struct
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "corpus")


def put(format, name, content):
    folder = root / format
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def packed(content):
    return gzip.compress(content.encode() if isinstance(content, str) else content, mtime=0)


def csv():
    line = ",".join(str(i % 17) for i in range(64)) + ",7\n"
    table = "1,2.5,-3e2\n 4 ,\t5,6\r\n"
    put("csv", "valid-digits", line * 2)
    put("csv", "valid-digits.gz", packed(line * 3))
    put("csv", "valid-table", table)
    put("csv", "valid-table-no-end-of-line", "1")
    put("csv", "valid-table.gz", packed(table))
    put("csv", "valid-two-members.gz", packed("1,2\n") + packed("3,4\n"))
    put("csv", "valid-subnormal", "5e-324,1.7976931348623157e308,-0\n")
    put("csv", "refused-empty", "")
    put("csv", "refused-empty.gz", packed(""))
    put("csv", "refused-empty-line", "1,2\n\n3,4\n")
    put("csv", "refused-ragged", "1,2\n3\n")
    put("csv", "refused-nan", "1,nan\n")
    put("csv", "refused-infinity", "inf\n")
    put("csv", "refused-too-large", "1e999\n")
    put("csv", "refused-hexadecimal", "0x10\n")
    put("csv", "refused-plus", "+1\n")
    put("csv", "refused-word", "1,a word that is longer than forty characters, all told\n")
    put("csv", "refused-null-byte", b"1,2\0\n")
    put("csv", "refused-escape-sequence", b"1,\x1b[2J\x1b]0;title\x07\n")
    put("csv", "refused-not-utf-8", b"1,\xff\xfe\xc3\n")
    put("csv", "refused-cut-in-a-character", "1," + "a" * 39 + "\u00e9\u00e9\n")
    put("csv", "refused-truncated.gz", packed(table)[:-9])
    put("csv", "refused-changed.gz", packed(table)[:-6] + b"\0\0\0\0\0\0")
    put("csv", "refused-header-only.gz", packed(table)[:10])
    put("csv", "refused-bomb.gz", packed(b"\0" * (1 << 20)))


def idx():
    def pair(labels, images):
        return struct.pack("<H", len(labels)) + labels + images

    def labels(count, values):
        return struct.pack(">II", 0x801, count) + values

    def images(count, height, width, pixels):
        return struct.pack(">IIII", 0x803, count, height, width) + pixels

    good_labels, good_images = labels(2, b"\x07\x00"), images(2, 2, 2, bytes(range(248, 256)))
    put("idx", "valid-two", pair(good_labels, good_images))
    put("idx", "valid-odd-sides", pair(labels(1, b"\x09"), images(1, 3, 1, b"abc")))
    put("idx", "valid-labels.gz", pair(packed(good_labels), good_images))
    put("idx", "valid-images.gz", pair(good_labels, packed(good_images)))
    put("idx", "refused-label-10", pair(labels(2, b"\x07\x0a"), good_images))
    put("idx", "refused-counts-differ", pair(labels(3, b"\1\2\3"), good_images))
    put("idx", "refused-cut", pair(good_labels, good_images[:-1]))
    put("idx", "refused-longer", pair(good_labels, good_images + b"x"))
    put("idx", "refused-no-extent", pair(good_labels, images(0, 2, 2, b"")))
    put("idx", "refused-header", pair(good_labels, good_images[:9]))
    put("idx", "refused-magic", pair(good_labels, good_labels))
    put("idx", "refused-nothing", pair(b"", b""))
    put("idx", "refused-claims-4e9", pair(labels(0xFFFFFFFF, b"\1"), good_images))
    put("idx", "refused-product-wraps", pair(good_labels, images(2, 0x80000000, 2, b"abcd")))
    put("idx", "refused-claims-2e9", pair(good_labels, images(2, 1 << 15, 1 << 15, b"abcd")))
    put("idx", "refused-claims-2e9.gz", pair(good_labels, packed(images(2, 1 << 15, 1 << 15, b"abcd"))))
    put("idx", "refused-truncated.gz", pair(good_labels, packed(good_images)[:-5]))


def config():
    whole = '''# a run
problem = "two-well"
method = 'hgms'
seed = 7
precision = "float"
max-iterations = 20
tolerance = 1e-9
data = "folder"
json = "out.json"
quiet = true

[set]
candidates = 32
x0 = [0.5, -25, 1_000]
rule = "implicit"
flag = false
"a key" = "\\u00e9\\t"
'''
    put("config", "valid-whole", whole)
    put("config", "valid-empty", "")
    put("config", "valid-seed-as-string", 'seed = "18446744073709551615"\n')
    put("config", "valid-dotted-keys", "set.candidates = 0x20\nset.x0 = []\n")
    put("config", "valid-inline-table", "set = {a = 1, b = '''text'''}\n")
    put("config", "valid-byte-order-mark", b"\xef\xbb\xbfseed = 1\n")
    put("config", "refused-unknown-key", "sed = 1\n")
    put("config", "refused-unknown-table", "[sets]\na = 1\n")
    put("config", "refused-twice", "seed = 1\nseed = 2\n")
    put("config", "refused-type", "quiet = 1\n")
    put("config", "refused-set-is-no-table", "set = 3\n")
    put("config", "refused-not-finite", "[set]\na = inf\nb = nan\n")
    put("config", "refused-not-finite-in-array", "[set]\na = [1, inf]\n")
    put("config", "refused-tolerance", "tolerance = -1e-9\n")
    put("config", "refused-seed", "seed = -1\n")
    put("config", "refused-seed-too-large", "seed = 99999999999999999999\n")
    put("config", "refused-nested-array", "[set]\na = [[1], [2]]\n")
    put("config", "refused-deep", "[set]\na = " + "[" * 1000 + "]" * 1000 + "\n")
    put("config", "refused-deep-tables", "set" + ".a" * 1000 + " = 1\n")
    put("config", "refused-date", "[set]\na = 1979-05-27T07:32:00Z\n")
    put("config", "refused-null-in-string", '[set]\na = "\\u0000"\n')
    put("config", "refused-equals-sign", '[set]\n"a=b" = 1\n')
    put("config", "refused-empty-key", '[set]\n"" = 1\n')
    put("config", "refused-not-utf-8", b'problem = "\xff\xfe"\n')
    put("config", "refused-header-of-no-table", "[@]\na = 1\n")
    put("config", "refused-three-brackets", "[[[a]]]\n")
    put("config", "refused-letter-in-bare-key", "caf\u00e9 = 1\n")
    put("config", "valid-letters", '[set]\n"caf\u00e9" = """\\\n\u00a7\u3042"""  # \u00e9\n')
    put("config", "refused-not-closed", 'problem = "two')
    put("config", "refused-controls-in-key", '"\\u001b[2J\\u009b" = 1\n')
    put("config", "refused-long-key", '"' + "\u00e9" * 1500 + '" = 1\n')
    put("config", "refused-long-value", 'precision = "' + "x\u00e9" * 1500 + '"\n')


for make in (csv, idx, config):
    make()
