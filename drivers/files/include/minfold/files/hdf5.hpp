// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_HDF5_HPP
#define MINFOLD_FILES_HDF5_HPP

#include <minfold/files/array.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Arrays in HDF5 files.
namespace minfold {

/// Reads the dataset of this path in the file, or with an empty one the only dataset that there is.
///
/// Requires  floating-point numbers or integers of at most 8 bytes, stored in the file itself: neither
///           virtual nor external. Of filters, scale-offset and n-bit come first, or HDF5
///           would read past the end of a chunk; only shuffle may be in front of them, and not where
///           an n-bit packs nothing and others follow it: HDF5 1.14 would give other numbers.
/// Gives     the numbers, converted by HDF5. A shape that asks for more than the stored bytes
///           can expand to (deflate: a factor of 1032) is refused before memory is taken.
///
/// Errors: std::invalid_argument with one sentence that has the name, what was found and what was
/// expected; without a path in a file with several datasets it lists them.
Array read_hdf5_file(std::string const& path, std::string const& dataset = "");
/// The same from the bytes of a file, of which a copy is made.
Array read_hdf5(std::string_view bytes, std::string const& name, std::string const& dataset = "");

struct TextArray {
  std::vector<std::uint64_t> shape;
  std::vector<std::string> values;
};

/// What a file is written from: datasets, whose names may have groups in them (records/gap), and
/// attributes of the root.
struct Hdf5Content {
  std::vector<std::pair<std::string, std::variant<Array, TextArray>>> datasets;
  std::vector<std::pair<std::string, std::string>> attributes;
};

/// The bytes of a file, for write_whole_file.
std::string hdf5_bytes(Hdf5Content const& content);

}  // namespace minfold

#endif
