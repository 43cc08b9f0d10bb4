// SPDX-License-Identifier: Apache-2.0
#include <minfold/files/atomic_file.hpp>
#include <minfold/files/hdf5.hpp>
#include <minfold/files/matrix_file.hpp>
#include <minfold/files/npy.hpp>

#include "files_support.hpp"
#include <zlib.h>

namespace {

using minfold::Array;
using minfold::ElementType;
using minfold::read_matrix_file;
using minfold::test::Folder;
using minfold::test::refuses;
using Values = std::vector<double>;

Values dense_values(std::string const& file) {
  return std::get<Array>(read_matrix_file(file)).values;
}

}  // namespace

TEST_CASE("a matrix file is read by its content, whatever its name") {
  Folder const folder;
  Array const array{ElementType::float64, {2}, {3, 4}};
  auto const npy = minfold::npy_bytes(array);
  CHECK(dense_values(folder.with("matrix.dat", npy)) == array.values);

  auto const packed = folder("matrix.npy.gz");
  gzFile const out = gzopen(packed.c_str(), "wb");
  gzwrite(out, npy.data(), unsigned(npy.size()));
  gzclose(out);
  CHECK(dense_values(packed) == array.values);

  auto const market =
      folder.with("matrix.txt", "%%MatrixMarket matrix coordinate real general\n1 2 1\n1 2 5\n");
  CHECK(std::get<minfold::SparseMatrix>(read_matrix_file(market)).values == Values{5});

  minfold::Hdf5Content content;
  content.datasets = {{"a/b", array}, {"c", Array{ElementType::float64, {1}, {6}}}};
  auto const h5 = folder.with("matrix.h5", minfold::hdf5_bytes(content));
  CHECK(dense_values(h5 + ":a/b") == array.values);
  CHECK(dense_values(h5 + ":/c") == Values{6});
  auto const hdf5 = folder.with("with.h5.in.the.name.hdf5", minfold::hdf5_bytes(content));
  CHECK(dense_values(hdf5 + ":c") == Values{6});
  refuses([&] { read_matrix_file(h5 + ":"); },
          h5 + ":: expected the name of a dataset after the colon");

  auto const no_h5 = folder.with("really.h5", npy);
  refuses([&] { read_matrix_file(no_h5 + ":x"); },
          no_h5 +
              ":x: expected an HDF5 file, as a dataset is named, found one that begins with "
              "'?NUMPY?"
              "?'");
  auto const none = folder("none");
  refuses([&] { read_matrix_file(none); }, none + ": expected a file, found nothing there");
  auto const text = folder.with("text", "1 2 3\n4 5 6\n");
  refuses([&] { read_matrix_file(text); },
          text +
              ": expected an NPY, HDF5 or MatrixMarket file, found one that begins with "
              "'1 2 3?4 '");
  auto const empty = folder.with("empty", "");
  refuses([&] { read_matrix_file(empty); },
          empty + ": expected an NPY, HDF5 or MatrixMarket file, found an empty one");
  auto const zip = folder.with("a.npz", "PK\x03\x04 and so on");
  refuses([&] { read_matrix_file(zip); },
          zip + ": expected one array, found an archive, .npz perhaps: numpy.save makes .npy");
}

TEST_CASE("shapes are counted without overflow") {
  using minfold::element_count;
  CHECK(element_count({}) == 1u);
  CHECK(element_count({3, 4}) == 12u);
  CHECK(element_count({1ull << 63, 4, 0}) == 0u);
  CHECK(element_count({1ull << 32, (1ull << 32) - 1}) == 18446744069414584320u);
  CHECK(!element_count({1ull << 32, 1ull << 32}));
  CHECK(minfold::shape_text({3, 4}) == "3 x 4");
  CHECK(minfold::shape_text({}) == "1");
}

TEST_CASE("a file is replaced as a whole or not at all") {
  Folder const folder;
  auto const path = folder("out");
  minfold::require_writable(path);
  CHECK(!std::filesystem::exists(path));
  minfold::write_whole_file(path, std::string("one\0two", 7));
  CHECK(minfold::test::content(path) == std::string("one\0two", 7));
  minfold::write_whole_file(path, "new");
  CHECK(minfold::test::content(path) == "new");
  auto const nowhere = folder("no/such/folder");
  refuses([&] { minfold::write_whole_file(nowhere, "x"); },
          "cannot write " + nowhere + ": No such file or directory");
  refuses([&] { minfold::require_writable(folder.path.string()); },
          "cannot write " + folder.path.string() + ": it is a directory");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
}
