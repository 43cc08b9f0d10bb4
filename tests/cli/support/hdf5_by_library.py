# SPDX-License-Identifier: Apache-2.0
"""Reads and writes HDF5 files by the HDF5 library itself, so without minfold and without h5py.

hdf5_by_library.py ends with 77 where there is no such library.
"""
import ctypes
import ctypes.util
import math
import sys

_hid = ctypes.c_int64
_FLOAT, _STRING = 1, 3  # H5T_class_t
_TRUNCATE = 2


def _load():
    for name in ("hdf5_serial", "hdf5"):
        path = ctypes.util.find_library(name)
        if path:
            library = ctypes.CDLL(path)
            for function in ("H5Fopen", "H5Fcreate", "H5Dopen2", "H5Dcreate2", "H5Dget_space", "H5Dget_type",
                             "H5Screate_simple", "H5Aopen", "H5Aget_type", "H5Aget_space"):
                getattr(library, function).restype = _hid
            library.H5Tget_size.restype = ctypes.c_size_t
            assert library.H5open() == 0
            return library
    sys.exit(77)


_library = _load()
_double = _hid.in_dll(_library, "H5T_NATIVE_DOUBLE_g")


def _good(result):
    assert result >= 0, "a call of HDF5 failed"
    return result


def _content(kind, identifier):
    """Shape and values, numbers or texts, of a dataset (D) or an attribute (A)."""
    space = _hid(_good(getattr(_library, f"H5{kind}get_space")(_hid(identifier))))
    rank = _good(_library.H5Sget_simple_extent_ndims(space))
    shape = (ctypes.c_uint64 * max(rank, 1))()
    _good(_library.H5Sget_simple_extent_dims(space, shape, None))
    shape = tuple(shape)[:rank]
    count = math.prod(shape)
    stored = _hid(_good(getattr(_library, f"H5{kind}get_type")(_hid(identifier))))

    def read(as_type, into):
        if kind == "D":
            _good(_library.H5Dread(_hid(identifier), as_type, _hid(0), _hid(0), _hid(0), into))
        else:
            _good(_library.H5Aread(_hid(identifier), as_type, into))

    if _library.H5Tget_class(stored) == _STRING:
        assert _library.H5Tis_variable_str(stored) == 0
        size = _library.H5Tget_size(stored)
        raw = ctypes.create_string_buffer(count * size + 1)
        read(stored, raw)
        return shape, [raw.raw[i * size:(i + 1) * size].rstrip(b"\0").decode() for i in range(count)]
    numbers = (ctypes.c_double * count)()
    read(_double, numbers)
    return shape, list(numbers)


class File:
    def __init__(self, path):
        self._file = _hid(_good(_library.H5Fopen(path.encode(), 0, _hid(0))))

    def dataset(self, name):
        """(shape, values)"""
        return _content("D", _good(_library.H5Dopen2(self._file, name.encode(), _hid(0))))

    def is_float(self, name):
        opened = _hid(_good(_library.H5Dopen2(self._file, name.encode(), _hid(0))))
        return _library.H5Tget_class(_hid(_good(_library.H5Dget_type(opened)))) == _FLOAT

    def attribute(self, name):
        return _content("A", _good(_library.H5Aopen(self._file, name.encode(), _hid(0))))[1][0]

    def has(self, name):
        return _library.H5Lexists(self._file, name.encode(), _hid(0)) > 0


def write(path, datasets):
    """{name: (shape, numbers)}, as doubles."""
    file = _hid(_good(_library.H5Fcreate(path.encode(), _TRUNCATE, _hid(0), _hid(0))))
    for name, (shape, numbers) in datasets.items():
        space = _hid(_good(_library.H5Screate_simple(len(shape), (ctypes.c_uint64 * len(shape))(*shape), None)))
        made = _hid(_good(_library.H5Dcreate2(file, name.encode(), _double, space, _hid(0), _hid(0), _hid(0))))
        values = (ctypes.c_double * len(numbers))(*numbers)
        _good(_library.H5Dwrite(made, _double, _hid(0), _hid(0), _hid(0), values))
        _good(_library.H5Dclose(made))
    _good(_library.H5Fclose(file))
