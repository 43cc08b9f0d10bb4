// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_MATRIX_FILE_HPP
#define MINFOLD_FILES_MATRIX_FILE_HPP

#include <minfold/files/array.hpp>

#include <string>

namespace minfold {

/// Reads NPY, HDF5 or MatrixMarket, whichever the content says; NPY and MatrixMarket may be packed by
/// gzip. `FILE.h5:path/in/the/file` names a dataset of an HDF5 file (also .hdf5).
///
/// Errors: std::invalid_argument with one sentence, see the readers.
FileMatrix read_matrix_file(std::string const& file);

}  // namespace minfold

#endif
