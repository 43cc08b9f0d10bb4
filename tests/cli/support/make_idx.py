# SPDX-License-Identifier: Apache-2.0
"""make_idx.py FOLDER [FAULT [CLASSES [FIRST]]]: a small image collection in IDX form, 28 x 28 bytes
and CLASSES (10) labels from FIRST (0) on, broken in one way if FAULT is not empty."""
import gzip
import os
import random
import struct
import sys

folder, fault = sys.argv[1], (sys.argv[2:] or [""])[0]
os.makedirs(folder, exist_ok=True)
classes, first = (int(v) for v in (sys.argv[3:] + ["10", "0"][len(sys.argv[3:]):]))
draw = random.Random(1)
templates = [[draw.choice((0, 0, 180)) for _ in range(784)] for _ in range(classes)]


def idx(extents, data):
    return struct.pack(f">BBBB{len(extents)}I", 0, 0, 8, len(extents), *extents) + bytes(data)


for name, count in (("train", 160), ("t10k", 60)):
    labels = [first + i % classes for i in range(count)]
    pixels = [min(255, value + draw.randrange(60)) for label in labels for value in templates[label - first]]
    files = {f"{name}-images-idx3-ubyte": idx((count, 28, 28), pixels),
             f"{name}-labels-idx1-ubyte": idx((count,), labels)}
    if name == "train":
        images, targets = files
        if fault == "missing":
            del files[targets]
        elif fault == "truncated":
            files[images] = files[images][:-1000]
        elif fault == "wrong-magic":
            files[images] = b"\0\0\x0d\x03" + files[images][4:]
        elif fault == "too-long":
            files[images] += b"x"
        elif fault == "count-mismatch":
            files[targets] = idx((count - 1,), labels[:-1])
        elif fault == "stray-label":
            files[targets] = idx((count,), [77] + labels[1:])
        elif fault == "empty":
            files[images] = b""
        elif fault == "bad-gzip":
            # Damaged in the middle of the compressed data; the header still says gzip.
            packed = bytearray(gzip.compress(files.pop(images)))
            packed[len(packed) // 2] ^= 0xFF
            files[images + ".gz"] = bytes(packed)
    elif fault == "unknown-test-label":
        files[f"{name}-labels-idx1-ubyte"] = idx((count,), [77] + labels[1:])
    for path, content in files.items():
        with open(os.path.join(folder, path), "wb") as file:
            file.write(content)
