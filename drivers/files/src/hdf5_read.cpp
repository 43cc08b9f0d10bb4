// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/data/bytes.hpp>
#include <minfold/files/hdf5.hpp>

#include "hdf5_handle.hpp"
#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

namespace minfold {
namespace {

using impl::Hdf5Handle;
using impl::Hdf5Silence;

/// Deflate codes at most 258 bytes in 2 bits.
constexpr std::uint64_t largest_expansion = 1032;

/// To a vector of strings. An exception must not pass through HDF5.
herr_t append(char const* path, void* names) {
  try {
    static_cast<std::vector<std::string>*>(names)->emplace_back(path);
    return 0;
  } catch (...) {
    return -1;
  }
}

/// Paths of all datasets.
std::vector<std::string> dataset_names(hid_t file, std::string const& name) {
  std::vector<std::string> names;
#if H5_VERSION_GE(1, 12, 0)
  auto const visit = [](hid_t, char const* path, H5O_info2_t const* info, void* out) -> herr_t {
    return info->type == H5O_TYPE_DATASET ? append(path, out) : 0;
  };
  herr_t const result = H5Ovisit3(file, H5_INDEX_NAME, H5_ITER_INC, visit, &names, H5O_INFO_BASIC);
#else
  auto const visit = [](hid_t, char const* path, H5O_info_t const* info, void* out) -> herr_t {
    return info->type == H5O_TYPE_DATASET ? append(path, out) : 0;
  };
  herr_t const result = H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, visit, &names);
#endif
  MINFOLD_REQUIRE(result >= 0, name, ": its datasets cannot be listed: ", Hdf5Silence::reason());
  return names;
}

/// At most ten, for a sentence.
std::string list(std::vector<std::string> const& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 10); ++i)
    text += (i == 0 ? "" : ", ") + impl::printable(names[i]);
  return text + (names.size() > 10 ? ", ..." : "");
}

std::string chosen(hid_t file, std::string const& name, std::string const& wanted) {
  auto const names = dataset_names(file, name);
  MINFOLD_REQUIRE(!names.empty(), name, ": expected a dataset, the file has none");
  if (wanted.empty()) {
    MINFOLD_REQUIRE(names.size() == 1, name, ": expected the name of one of its ", names.size(),
                    " datasets, as in FILE.h5:", impl::printable(names[0]), "; it has ",
                    list(names));
    return names[0];
  }
  auto const path = wanted.substr(std::min(wanted.find_first_not_of('/'), wanted.size()));
  MINFOLD_REQUIRE(std::find(names.begin(), names.end(), path) != names.end(), name,
                  ": it has no dataset ", impl::quoted(wanted), ", it has ", list(names));
  return path;
}

ElementType element_type(hid_t dataset, std::string const& what) {
  Hdf5Handle const type(H5Dget_type(dataset), H5Tclose);
  MINFOLD_REQUIRE(type.valid(), what, ": its type cannot be read: ", Hdf5Silence::reason());
  auto const kind = H5Tget_class(type.id());
  auto const size = H5Tget_size(type.id());
  MINFOLD_REQUIRE((kind == H5T_FLOAT || kind == H5T_INTEGER) && size >= 1 && size <= 8, what,
                  ": expected floating-point numbers or integers of at most 8 bytes, found ",
                  kind == H5T_FLOAT || kind == H5T_INTEGER ? "larger ones" : "another type");
  return kind == H5T_INTEGER ? ElementType::int64
         : size <= 4         ? ElementType::float32
                             : ElementType::float64;
}

/// Scale-offset and n-bit give back a whole chunk whatever they are given, and HDF5 does not look at the
/// length that comes out of the last filter to be undone: with a checksum or deflate in front of them
/// it reads past the end of a shorter one. Only shuffle keeps the length. And an n-bit that has nothing to pack,
/// as its second parameter says, gives back the length of the buffer that the filter behind it left, by
/// which shuffle, in front of it, puts the bytes in a wrong order: other numbers than are stored, and no error.
void require_whole_chunks(hid_t properties, std::string const& what) {
  int const count = H5Pget_nfilters(properties);
  bool whole = true;
  for (int i = 0; i < count; ++i) {
    std::size_t parameters = 2;
    unsigned parameter[2] = {};
    auto const filter = H5Pget_filter2(properties, unsigned(i), nullptr, &parameters, parameter, 0,
                                       nullptr, nullptr);
    MINFOLD_REQUIRE(whole || (filter != H5Z_FILTER_SCALEOFFSET && filter != H5Z_FILTER_NBIT), what,
                    ": expected scale-offset and n-bit in front of the filters that change the "
                    "length of a chunk");
    MINFOLD_REQUIRE(
        filter != H5Z_FILTER_NBIT || !parameter[1] || i == 0 || i + 1 == count, what,
        ": expected no filters on both sides of an n-bit that packs nothing, which HDF5 "
        "does not undo");
    whole = whole && filter == H5Z_FILTER_SHUFFLE;
  }
}

/// Refuses what is not stored in the file, and a shape that its bytes cannot fill.
void require_stored(hid_t dataset, std::uint64_t bytes, std::string const& what) {
  Hdf5Handle const properties(H5Dget_create_plist(dataset), H5Pclose);
  auto const layout = H5Pget_layout(properties.id());
  MINFOLD_REQUIRE(properties.valid() && layout >= 0, what,
                  ": its layout cannot be read: ", Hdf5Silence::reason());
  MINFOLD_REQUIRE(layout != H5D_VIRTUAL && H5Pget_external_count(properties.id()) == 0, what,
                  ": expected numbers in the file itself, they are in other files");
  if (layout == H5D_CHUNKED) require_whole_chunks(properties.id(), what);
  auto const stored = std::uint64_t(H5Dget_storage_size(dataset));
  bool const packed = layout == H5D_CHUNKED && H5Pget_nfilters(properties.id()) > 0;
  // HDF5 takes memory for whole chunks, up to 4 GB each, however few of its elements are in use.
  hsize_t chunk[H5S_MAX_RANK] = {};
  int const rank = layout == H5D_CHUNKED ? H5Pget_chunk(properties.id(), H5S_MAX_RANK, chunk) : 0;
  auto const chunk_count = element_count({chunk, chunk + std::max(rank, 0)});
  MINFOLD_REQUIRE(
      rank <= 0 || bytes == 0 || (chunk_count && *chunk_count / largest_expansion <= stored), what,
      ": its chunks ask for more memory than its ", stored, " bytes can fill");
  MINFOLD_REQUIRE(bytes == 0 || stored > 0, what, ": it has no numbers, only a shape");
  MINFOLD_REQUIRE(bytes / (packed ? largest_expansion : 1) <= stored, what, ": expected ", bytes,
                  " bytes of numbers, the file holds ", stored, packed ? " packed ones" : "");
}

Array read_open(Hdf5Handle const& file, std::string const& name, std::string const& wanted,
                std::uint64_t file_bytes) {
  MINFOLD_REQUIRE(file.valid(), name,
                  ": cannot be opened as an HDF5 file: ", Hdf5Silence::reason());
  auto const path = chosen(file.id(), name, wanted);
  std::string const what = name + ":" + impl::printable(path);
  Hdf5Handle const dataset(H5Dopen2(file.id(), path.c_str(), H5P_DEFAULT), H5Dclose);
  MINFOLD_REQUIRE(dataset.valid(), what, ": cannot be opened: ", Hdf5Silence::reason());
  Array array;
  array.type = element_type(dataset.id(), what);

  Hdf5Handle const shape(H5Dget_space(dataset.id()), H5Sclose);
  int const rank = shape.valid() ? H5Sget_simple_extent_ndims(shape.id()) : -1;
  MINFOLD_REQUIRE(rank >= 0 && H5Sget_simple_extent_type(shape.id()) != H5S_NULL, what,
                  ": expected an array, found no shape");
  std::vector<hsize_t> extents(std::size_t(rank), 0);
  MINFOLD_REQUIRE(rank == 0 || H5Sget_simple_extent_dims(shape.id(), extents.data(), nullptr) >= 0,
                  what, ": its shape cannot be read: ", Hdf5Silence::reason());
  array.shape.assign(extents.begin(), extents.end());

  Hdf5Handle const type(H5Dget_type(dataset.id()), H5Tclose);
  auto const count = element_count(array.shape);
  auto const size = std::uint64_t(H5Tget_size(type.id()));
  // What one byte of the file expands to at most bounds any claim, before a product can overflow.
  MINFOLD_REQUIRE(count && *count / largest_expansion <= file_bytes, what, ": expected ",
                  shape_text(array.shape), " elements, a file of ", file_bytes,
                  " bytes cannot hold them");
  require_stored(dataset.id(), *count * size, what);

  array.values.resize(*count);
  MINFOLD_REQUIRE(*count == 0 || H5Dread(dataset.id(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL,
                                         H5P_DEFAULT, array.values.data()) >= 0,
                  what, ": its numbers cannot be read: ", Hdf5Silence::reason());
  if (array.type == ElementType::int64)
    for (double const v : array.values)
      MINFOLD_REQUIRE(std::abs(v) < 0x1p53, what, ": expected integers below 2^53, found one of ",
                      v);
  return array;
}

}  // namespace

Array read_hdf5_file(std::string const& path, std::string const& dataset) {
  std::error_code error;
  auto const status = std::filesystem::status(path, error);
  MINFOLD_REQUIRE(std::filesystem::is_regular_file(status), path, ": expected a file, found ",
                  std::filesystem::exists(status) ? "something else" : "nothing there");
  auto const size = std::filesystem::file_size(path, error);
  MINFOLD_REQUIRE(!error, path, ": its size cannot be read");
  Hdf5Silence const silence;
  Hdf5Handle const file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  return read_open(file, path, dataset, size);
}

Array read_hdf5(std::string_view bytes, std::string const& name, std::string const& dataset) {
  Hdf5Silence const silence;
  Hdf5Handle const access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // HDF5 copies the image and does not write to what it is given, though it asks for void*.
  bool const ready =
      H5Pset_fapl_core(access.id(), std::size_t(1) << 20, false) >= 0 &&
      H5Pset_file_image(access.id(), const_cast<char*>(bytes.data()), bytes.size()) >= 0;
  MINFOLD_REQUIRE(ready, name, ": cannot be opened as an HDF5 file: ", Hdf5Silence::reason());
  // The name is only a label: a file image has none, but HDF5 tells open files apart by it.
  Hdf5Handle const file(
      H5Fopen(name.empty() ? "memory" : name.c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose);
  return read_open(file, name, dataset, bytes.size());
}

}  // namespace minfold
