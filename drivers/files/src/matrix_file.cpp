// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/data/bytes.hpp>
#include <minfold/files/hdf5.hpp>
#include <minfold/files/matrix_file.hpp>
#include <minfold/files/matrix_market.hpp>
#include <minfold/files/npy.hpp>

#include "text.hpp"

#include <fstream>
#include <string_view>

namespace minfold {
namespace {

/// More than a batch on one machine needs; a gzip file could expand to a thousand times its size.
constexpr std::uint64_t largest_content = std::uint64_t(1) << 36;

constexpr std::string_view hdf5_start("\x89HDF\r\n\x1a\n", 8);

bool begins_with(std::string const& path, std::string_view start) {
  std::string found(start.size(), '\0');
  std::ifstream(path, std::ios::binary).read(found.data(), std::streamsize(found.size()));
  return found == start;
}

/// The path of a file and, behind a colon, of a dataset in it.
struct Place {
  std::string path, dataset;
};

Place place_of(std::string const& file) {
  for (std::string_view const ending : {".h5:", ".hdf5:"}) {
    auto const at = file.find(ending);
    if (at == file.npos) continue;
    auto const colon = at + ending.size() - 1;
    Place const place = {file.substr(0, colon), file.substr(colon + 1)};
    MINFOLD_REQUIRE(!place.dataset.empty(), file,
                    ": expected the name of a dataset after the colon");
    return place;
  }
  return {file, ""};
}

}  // namespace

FileMatrix read_matrix_file(std::string const& file) {
  auto const place = place_of(file);
  // HDF5 reads files itself, and from a large one only what is asked for.
  if (begins_with(place.path, hdf5_start)) return read_hdf5_file(place.path, place.dataset);

  auto const bytes = ByteReader(place.path).read_rest(largest_content);
  auto const starts = [&](std::string_view text) { return bytes.substr(0, text.size()) == text; };
  if (starts(hdf5_start)) return read_hdf5(bytes, place.path, place.dataset);
  MINFOLD_REQUIRE(place.dataset.empty(), file,
                  ": expected an HDF5 file, as a dataset is named, found ", "one that begins with ",
                  impl::quoted(bytes.substr(0, 8)));
  if (starts("\x93NUMPY")) return read_npy(bytes, place.path);
  if (starts("%%")) return read_matrix_market(bytes, place.path);
  MINFOLD_REQUIRE(!starts("PK"), place.path,
                  ": expected one array, found an archive, .npz perhaps: numpy.save makes .npy");
  impl::refuse_with(
      place.path, ": expected an NPY, HDF5 or MatrixMarket file, found ",
      bytes.empty() ? "an empty one" : "one that begins with " + impl::quoted(bytes.substr(0, 8)));
}

}  // namespace minfold
