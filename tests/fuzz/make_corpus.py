#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the corpora of tests/fuzz/corpus that are made, not found: make_corpus.py [FOLDER].

A name says what the reader has to do: valid-... is accepted, refused-... is refused. Files with other
names have been found by the fuzzers and are not touched.
"""

import ctypes
import ctypes.util
import gzip
import math
import pathlib
import struct
import sys
import zlib

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "corpus")


def put(format, name, content):
    folder = root / format
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def packed(content):
    stream = bytearray(gzip.compress(content.encode() if isinstance(content, str) else content, mtime=0))
    stream[9] = 255  # versions of Python differ in what they say of the system
    return bytes(stream)


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
    put("config", "refused-many-dots", "set" + ".a" * 3000 + " = 1\n")
    put("config", "refused-deep-twice", "[set" + ".a" * 2000 + "]\na" + ".a" * 2000 + " = 1\n")
    put("config", "valid-many-dots", "[set]\nx0 = [" + "0.5, " * 1000 + "]\n")
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


def npy():
    def file(descr, shape, data, order="False", version=1, more=""):
        header = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, {more}}}"
        header += " " * (63 - (len(header) + 10) % 64) + "\n"
        length = struct.pack("<H" if version == 1 else "<I", len(header))
        return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + data

    doubles = struct.pack("<6d", 1, -2.5, 0, 1e300, 5e-324, float("nan"))
    put("npy", "valid-f8", file("<f8", "(2, 3)", doubles))
    put("npy", "valid-f8-fortran", file("<f8", "(2, 3)", doubles, "True"))
    put("npy", "valid-f4-big", file(">f4", "(2,)", struct.pack(">2f", 1.5, float("-inf"))))
    put("npy", "valid-u1", file("|u1", "(3,)", b"\0\x7f\xff"))
    put("npy", "valid-i8-negative", file("<i8", "(1,)", struct.pack("<q", -(2**53) + 1)))
    put("npy", "valid-bool", file("|b1", "(2,)", b"\0\1"))
    put("npy", "valid-one-number", file("<i2", "()", b"\2\0"))
    put("npy", "valid-no-numbers", file("<f8", "(0, 18446744073709551615)", b""))
    put("npy", "valid-version-2", file("<u4", "(1, 1, 1)", b"\1\0\0\0", version=2))
    put("npy", "valid-double-quotes", file("<f8", "(1,)", doubles[:8]).replace(b"'", b'"'))
    put("npy", "refused-version-4", file("<u4", "(1,)", b"\1\0\0\0", version=4))
    put("npy", "refused-empty", b"")
    put("npy", "refused-magic-only", b"\x93NUMPY")
    put("npy", "refused-header-longer-than-file", b"\x93NUMPY\1\0\xff\xff{")
    put("npy", "refused-header-of-4e9", b"\x93NUMPY\2\0\xff\xff\xff\xff{")
    put("npy", "refused-bool-2", file("|b1", "(2,)", b"\0\2"))
    put("npy", "refused-2-to-53", file("<i8", "(1,)", struct.pack("<q", 2**53)))
    put("npy", "refused-2-to-63", file("<u8", "(1,)", b"\xff" * 8))
    put("npy", "refused-minus-2-to-63", file("<i8", "(1,)", struct.pack("<q", -(2**63))))
    put("npy", "refused-product-wraps", file("<f8", "(4294967296, 4294967296, 2)", doubles))
    put("npy", "refused-bytes-wrap", file("<f8", "(2305843009213693952,)", b""))
    put("npy", "refused-extent-too-large", file("<f8", "(18446744073709551616,)", doubles))
    put("npy", "refused-negative-extent", file("<f8", "(-1,)", doubles))
    put("npy", "refused-cut", file("<f8", "(2, 3)", doubles[:-1]))
    put("npy", "refused-longer", file("<f8", "(2, 3)", doubles + b"x"))
    put("npy", "refused-object", file("|O", "(1,)", doubles[:8]))
    put("npy", "refused-structure", file("<f8", "(1,)", b"").replace(b"'<f8'", b"[('a', '<f8')]"))
    put("npy", "refused-key-twice", file("<f8", "(1,)", doubles[:8], more="'shape': (1,)"))
    put("npy", "refused-unknown-key", file("<f8", "(1,)", doubles[:8], more="'\x1b[2J\xe9': 1"))
    put("npy", "refused-bracketed-number", file("<f8", "(1)", doubles[:8]))
    put("npy", "refused-many-extents", file("<f8", "(" + "1," * 65 + ")", doubles[:8]))


def matrix_market():
    def file(*lines):
        return "%%MatrixMarket matrix " + "\n".join(lines) + "\n"

    def add(name, *lines):
        put("matrix_market", name, file(*lines))

    general, array = "coordinate real general", "array real general"
    add("valid-coordinates", general, "% a comment", "", "3 4 2", "3 4 -1.5e3", "", "1 1 +2")
    add("valid-symmetric", "coordinate integer symmetric", "2 2 2", "1 1 3", "2 1 -4")
    add("valid-pattern", "coordinate pattern general", "2 2 1", "2 2")
    add("valid-no-entries", general, "2147483647 2147483647 0")
    add("valid-array", array, "2 2", "1", "2", "3", "4e-320")
    add("valid-array-symmetric", "array integer symmetric", "2 2", "1", "2", "3")
    put("matrix_market", "valid-upper-case", file("ARRAY Real GENERAL\r", "1 1\r", "1\r"))
    put("matrix_market", "refused-empty", "")
    put("matrix_market", "refused-heading", "%%MatrixMarket vector array real general\n1 1\n1\n")
    add("refused-no-size", general, "% only this")
    add("refused-complex", "coordinate complex general", "1 1 1", "1 1 1 0")
    add("refused-twice", general, "2 2 2", "1 1 1", "1 1 2")
    add("refused-upper-half", "coordinate real symmetric", "2 2 1", "1 2 1")
    add("refused-not-square", "coordinate real symmetric", "2 3 0")
    add("refused-index-0", general, "2 2 1", "0 1 1")
    add("refused-index-3", general, "2 2 1", "3 1 1")
    add("refused-index-2-to-32", general, "2 2 1", "4294967297 1 1")
    add("refused-rows-2-to-31", general, "2147483648 1 0")
    add("refused-more-entries-than-places", general, "2 2 5", "1 1 1")
    add("refused-announces-4e18", general, "2147483647 2147483647 4611686014132420609", "1 1 1")
    add("refused-array-of-4e18", array, "2147483647 2147483647", "1")
    add("refused-array-of-1e9", "array real symmetric", "44721 44721", "1")
    add("refused-fewer-entries", general, "2 2 2", "1 1 1")
    add("refused-more-entries", general, "2 2 1", "1 1 1", "2 2 1")
    add("refused-nan", array, "1 1", "nan")
    add("refused-integer-2-to-53", "array integer general", "1 1", "-9007199254740992")
    add("refused-integer-minus-2-to-63", "array integer general", "1 1", "-9223372036854775808")
    add("refused-escape-sequence", general, "1 1 1", "1 1 \x1b[2J\u00e9")
    add("refused-null-byte", general, "1 1 1", "1 1 1\0")


def hdf5():
    """Recipes, see fuzz_hdf5.cpp: their bytes are decisions, in its order."""
    # version, name, type, [rank 32?] rank, extents, kind of space, layout, ...
    def recipe(*, latest=0, name=b"", type=0, extents=(), null=False, layout=5, early=0, fill=0,
               more=b"", write=0, others=0):
        rank = len(extents)
        shape = bytes([0, rank]) + bytes(extents)
        space = bytes([7 if null else 0])
        properties = bytes([layout]) + more + bytes([early, 0, fill])
        count = math.prod([0, 1, 2, 3, 5, 17, 1000, 1 << 20, 1 << 33, 1 << 62][e] for e in extents)
        numbers = bytes(100 + i % 100 for i in range(count)) + b"\0" if write != 1 and count <= 5000 else b""
        return (bytes([latest, len(name)]) + name + bytes([type]) + shape + space + properties
                + bytes([write]) + numbers + bytes([others]))

    put("hdf5", "valid-f8", recipe(extents=(2, 3)))
    put("hdf5", "valid-latest", recipe(latest=1, extents=(3,), type=1))
    put("hdf5", "valid-compact", recipe(layout=0, extents=(2, 2)))
    put("hdf5", "valid-integers", recipe(type=4, extents=(2,)))
    put("hdf5", "valid-one-number", recipe())
    put("hdf5", "refused-external", recipe(layout=1, extents=(2,)))
    put("hdf5", "refused-virtual", recipe(layout=2, extents=(2,)))
    put("hdf5", "refused-never-written", recipe(extents=(7, 7), write=1))
    put("hdf5", "refused-shape-of-2-to-124", recipe(extents=(9, 9), write=1))
    put("hdf5", "refused-null-space", recipe(null=True))
    put("hdf5", "refused-text", recipe(type=8, extents=(2,)))
    put("hdf5", "refused-compound", recipe(type=12, extents=(2,)))
    put("hdf5", "refused-two-with-escape-sequence",
        recipe(name=b"\x1b[2J\xff", extents=(2,), others=63) + bytes([3, 97, 98, 99, 0, 0, 1, 1]))
    put("hdf5", "chunks-unlimited-by-file", recipe(layout=3, more=b"\xff\1\1\0\0\0", extents=(6,)))
    put("hdf5", "chunks-packed-never-written", recipe(layout=3, more=b"\xff\1\1\0\0\0", extents=(7, 7), write=1))
    put("hdf5", "valid-scale-offset-and-deflate",
        recipe(type=5, layout=3, more=b"\xff\0\1\0\1\0", extents=(6,)))
    put("hdf5", "long-name", recipe(name=b"x/" * 25, extents=(2,)))


def checkpoint():
    """Recipes, see fuzz_checkpoint.cpp. Headers before what is no HDF5 file."""
    def header(image, schema=1, crc=None, size=None):
        crc = zlib.crc32(image) if crc is None else crc
        text = f"minfold checkpoint {schema}\ncrc32 {crc:08x}\nbytes {len(image) if size is None else size}\n"
        return text.encode().ljust(512, b"\0") + image

    def put_raw(name, content):
        put("checkpoint", name, b"\0" + content)

    numbers = bytes([1, 4, 1, 1, 3, 0, 1, 2, 4, 2, 2, 3]) + bytes(range(1, 49))
    texts = bytes([0, 2, 5, 6, 6, 2, 3, 104, 105, 33, 0])
    record = bytes([0, 0, 5, 2, 1, 2, 9, 8, 7, 6, 5, 4])
    integers = bytes([1, 1, 7, 1, 0]) + b"\1\0\0\0\0\0\0\x80"
    put("checkpoint", "recipe-numbers", bytes([1, 0]) + numbers)
    put("checkpoint", "recipe-of-all-types", bytes([1, 3]) + numbers + texts + record + integers)
    put("checkpoint", "recipe-cut", bytes([1, 0]) + integers + bytes([1, 200]))
    put("checkpoint", "recipe-changed", bytes([1, 0]) + integers + bytes([0, 0, 3, 1, 17, 0, 255]))
    put_raw("refused-empty", b"")
    put_raw("refused-words-only", b"minfold checkpoint 1\n")
    put_raw("refused-no-image", header(b""))
    put_raw("refused-no-hdf5", header(b"this is not HDF5" * 40))
    put_raw("refused-schema-2", header(b"x", schema=2))
    put_raw("refused-schema-too-large", header(b"x", schema=99999999999))
    put_raw("refused-checksum", header(b"x", crc=1))
    put_raw("refused-bytes-2-to-63", header(b"x", size=1 << 63))
    put_raw("refused-bytes-2-to-64", header(b"x", size=1 << 64))
    put_raw("refused-longer", header(b"xy", size=1))
    put_raw("refused-negative", header(b"x", size=-1))
    put_raw("refused-padding", header(b"x")[:500] + b"!" * 12 + b"x")
    put_raw("refused-hdf5-signature-only", header(b"\x89HDF\r\n\x1a\n"))


def hdf5_raw():
    put("hdf5_raw", "refused-signature-only", b"\x89HDF\r\n\x1a\n")
    put("hdf5_raw", "refused-no-hdf5", b"no")
    library = ctypes.util.find_library("hdf5_serial") or ctypes.util.find_library("hdf5")
    if library is None:
        print("no libhdf5: hdf5_raw is left as it is", file=sys.stderr)
        return
    h5 = ctypes.CDLL(library)
    h5.H5open()
    number = ctypes.c_int64
    for name in "H5Pcreate H5Fcreate H5Screate_simple H5Dcreate2".split():
        getattr(h5, name).restype = number

    def known(name):
        return number.in_dll(h5, name + "_g")

    def make(name, latest, packed):
        access = number(h5.H5Pcreate(known("H5P_CLS_FILE_ACCESS_ID")))
        if latest:
            h5.H5Pset_libver_bounds(access, 2, 2)  # H5F_LIBVER_V110
        creation = number(h5.H5Pcreate(known("H5P_CLS_FILE_CREATE_ID")))
        h5.H5Pset_obj_track_times(creation, False)
        file = number(h5.H5Fcreate(str(root / "hdf5_raw" / name).encode(), 2, creation, access))
        space = number(h5.H5Screate_simple(2, (ctypes.c_uint64 * 2)(3, 4), None))
        properties = number(h5.H5Pcreate(known("H5P_CLS_DATASET_CREATE_ID")))
        h5.H5Pset_obj_track_times(properties, False)
        if packed:
            h5.H5Pset_chunk(properties, 2, (ctypes.c_uint64 * 2)(2, 3))
            h5.H5Pset_shuffle(properties)
            h5.H5Pset_deflate(properties, 6)
        dataset = number(h5.H5Dcreate2(file, b"a", known("H5T_IEEE_F64LE"), space, number(0),
                                       properties, number(0)))
        values = (ctypes.c_double * 12)(*[i / 4 for i in range(12)])
        everything = number(0)
        h5.H5Dwrite(dataset, known("H5T_NATIVE_DOUBLE"), everything, everything, everything, values)
        h5.H5Dclose(dataset)
        h5.H5Fclose(file)

    make("valid-old", False, False)
    make("valid-latest", True, False)
    make("valid-packed-old", False, True)
    make("valid-packed-latest", True, True)
    put("hdf5_raw", "refused-cut", (root / "hdf5_raw" / "valid-old").read_bytes()[:600])


for make in (csv, idx, config, npy, matrix_market, hdf5, hdf5_raw, checkpoint):
    make()
