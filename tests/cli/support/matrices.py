# SPDX-License-Identifier: Apache-2.0
"""Matrices in plain Python, and NPY files without NumPy."""
import ast
import math
import struct


def write_npy(path, shape, values, element="d"):
    header = "{'descr': '<%s', 'fortran_order': False, 'shape': (%s), }\n" % (
        {"d": "f8", "f": "f4", "i": "i4"}[element], "".join("%d, " % s for s in shape))
    header = header[:-1] + " " * (-(10 + len(header)) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack("<%d%s" % (len(values), element), *values))


def read_npy(path):
    """Type, shape and numbers of what minfold or write_npy wrote."""
    with open(path, "rb") as file:
        content = file.read()
    assert content[:8] == b"\x93NUMPY\x01\x00", content[:8]
    length = struct.unpack("<H", content[8:10])[0]
    assert (10 + length) % 64 == 0
    header = ast.literal_eval(content[10:10 + length].decode())
    assert header["fortran_order"] is False
    element, count = {"<f8": "d", "<f4": "f"}[header["descr"]], math.prod(header["shape"])
    return header["descr"], header["shape"], struct.unpack("<%d%s" % (count, element), content[10 + length:])


def reflected(diagonal, direction):
    """R D R with R = I - 2 u u^T / u^T u: its eigenvalues are the diagonal, its vectors the columns of R."""
    n, uu = len(diagonal), sum(u * u for u in direction)
    r = [[(i == j) - 2 * direction[i] * direction[j] / uu for j in range(n)] for i in range(n)]
    return [[sum(r[i][k] * diagonal[k] * r[k][j] for k in range(n)) for j in range(i + 1)] + [0] * (n - i - 1)
            for i in range(n)]


def symmetric(lower):
    n = len(lower)
    return [[lower[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]


def batch():
    """Three matrices of order 8 with kernels of dimension 0, 3 and 8, and their pseudoinverses."""
    diagonals = [[1, 2, 3, 4, 5, 6, 7, 8], [0, 2, 0, 1, 5, 0, 3, 9], [0] * 8]
    direction = [1, -2, 3, 0, 2, 1, -1, 4]
    matrices = [symmetric(reflected(d, direction)) for d in diagonals]
    inverses = [symmetric(reflected([1 / v if v else 0 for v in d], direction)) for d in diagonals]
    return [[v == 0 for v in d].count(True) for d in diagonals], matrices, inverses


def flat(nested):
    return [v for part in nested for v in flat(part)] if isinstance(nested, (list, tuple)) else [nested]


def require_kernel(matrix, basis, dimension, tolerance):
    """basis(i, j), zero from column `dimension` on, orthonormal before, multiplied to zero."""
    n, k = len(matrix), len(basis[0])
    for a in range(k):
        for b in range(k):
            dot = sum(basis[i][a] * basis[i][b] for i in range(n))
            assert abs(dot - (a == b and a < dimension)) < tolerance, (a, b, dot)
        for i in range(n):
            product = sum(matrix[i][j] * basis[j][a] for j in range(n))
            assert abs(product) < 10 * tolerance, (a, i, product)


def near(found, expected, tolerance):
    assert len(found) == len(expected), (len(found), len(expected))
    worst = max((abs(a - b) for a, b in zip(found, expected)), default=0)
    assert worst < tolerance, worst


def cubed(values, items, rows, columns):
    return [[list(values[(i * rows + r) * columns:(i * rows + r + 1) * columns]) for r in range(rows)]
            for i in range(items)]
