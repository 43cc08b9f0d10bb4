// SPDX-License-Identifier: Apache-2.0
#include <minfold/files/atomic_file.hpp>
#include <minfold/files/hdf5.hpp>

#include "files_support.hpp"
#include <hdf5.h>

#include <cmath>

namespace {

using minfold::Array;
using minfold::ElementType;
using minfold::Hdf5Content;
using minfold::read_hdf5;
using minfold::read_hdf5_file;
using minfold::TextArray;
using minfold::test::Folder;
using minfold::test::refuses;
using minfold::test::refuses_with;
using Values = std::vector<double>;

/// A file of one dataset `x` as some other program may write it.
struct Foreign {
  hid_t stored = H5T_IEEE_F64LE;
  std::vector<hsize_t> shape = {4};
  std::vector<hsize_t> chunk = {};
  bool deflate = false, write = true;
  std::string external = {};

  void make(std::string const& path, Values const& values) const {
    hid_t const file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t const space = H5Screate_simple(int(shape.size()), shape.data(), nullptr);
    hid_t const properties = H5Pcreate(H5P_DATASET_CREATE);
    if (!chunk.empty()) H5Pset_chunk(properties, int(chunk.size()), chunk.data());
    if (deflate) H5Pset_deflate(properties, 6);
    if (!external.empty()) H5Pset_external(properties, external.c_str(), 0, H5F_UNLIMITED);
    hid_t const dataset =
        H5Dcreate2(file, "x", stored, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    if (write) H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dclose(dataset);
    H5Pclose(properties);
    H5Sclose(space);
    H5Fclose(file);
  }
};

}  // namespace

TEST_CASE("what hdf5_bytes writes is read again") {
  Hdf5Content content;
  content.attributes = {{"version", "1.2"}, {"empty", ""}};
  content.datasets = {
      {"basis", Array{ElementType::float32, {2, 1, 2}, {1, -2, 0.5, NAN}}},
      {"records/dimension", Array{ElementType::int64, {2}, {7, -8}}},
      {"records/deep/gap", Array{ElementType::float64, {}, {1e-300}}},
      {"records/outcome", TextArray{{1, 2}, {"converged", "not_run"}}},
      {"records/none", Array{ElementType::float64, {0, 3}, {}}},
  };
  auto const bytes = minfold::hdf5_bytes(content);
  auto const basis = read_hdf5(bytes, "memory", "basis");
  CHECK(basis.type == ElementType::float32);
  CHECK(basis.shape == std::vector<std::uint64_t>{2, 1, 2});
  CHECK(basis.values[1] == -2);
  CHECK(std::isnan(basis.values[3]));
  auto const dimension = read_hdf5(bytes, "", "/records/dimension");
  CHECK(dimension.type == ElementType::int64);
  CHECK(dimension.values == Values{7, -8});
  auto const gap = read_hdf5(bytes, "", "records/deep/gap");
  CHECK(gap.shape.empty());
  CHECK(gap.values == Values{1e-300});
  CHECK(read_hdf5(bytes, "", "records/none").shape == std::vector<std::uint64_t>{0, 3});

  Folder const folder;
  auto const path = folder("a.h5");
  minfold::write_whole_file(path, bytes);
  CHECK(read_hdf5_file(path, "basis").values[2] == 0.5);

  // Texts and attributes, by the library itself.
  hid_t const file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t const attribute = H5Aopen(file, "version", H5P_DEFAULT);
  hid_t const text = H5Aget_type(attribute);
  std::string value(H5Tget_size(text), '\0');
  CHECK(H5Aread(attribute, text, value.data()) >= 0);
  CHECK(value == "1.2");
  hid_t const dataset = H5Dopen2(file, "records/outcome", H5P_DEFAULT);
  hid_t const type = H5Dget_type(dataset);
  std::string outcomes(2 * H5Tget_size(type), '\0');
  CHECK(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, outcomes.data()) >= 0);
  CHECK(H5Tget_strpad(type) == H5T_STR_NULLPAD);
  CHECK(outcomes == std::string("convergednot_run\0\0", 18));
  for (auto const& [id, close] : {std::pair(type, &H5Tclose),
                                  {dataset, &H5Dclose},
                                  {text, &H5Tclose},
                                  {attribute, &H5Aclose},
                                  {file, &H5Fclose}})
    close(id);
}

TEST_CASE("HDF5 files of other programs are read: types, byte orders, packed chunks") {
  Folder const folder;
  auto const path = folder("x.h5");
  Values const values = {1, 0, -3, 100};
  for (hid_t const type : {H5T_IEEE_F64LE, H5T_IEEE_F64BE, H5T_IEEE_F32LE, H5T_IEEE_F32BE,
                           H5T_STD_I8LE, H5T_STD_I16BE, H5T_STD_I32LE, H5T_STD_I64BE}) {
    Foreign foreign;
    foreign.stored = type;
    foreign.make(path, values);
    auto const array = read_hdf5_file(path);
    CHECK(array.values == values);
    CHECK((array.type == ElementType::int64) == (H5Tget_class(type) == H5T_INTEGER));
  }
  Foreign packed;
  packed.shape = {300, 300};
  packed.chunk = {100, 300};
  packed.deflate = true;
  packed.make(path, Values(90000, 0.25));
  CHECK(std::filesystem::file_size(path) < 20000);
  CHECK(read_hdf5_file(path, "x").values == Values(90000, 0.25));
  CHECK(read_hdf5(minfold::test::content(path), "x.h5").shape ==
        std::vector<std::uint64_t>{300, 300});
}

TEST_CASE("broken HDF5 files are refused with a sentence") {
  Folder const folder;
  auto const path = folder("x.h5");
  refuses([&] { read_hdf5_file(path); }, path + ": expected a file, found nothing there");
  refuses([&] { read_hdf5_file(folder.path.string()); },
          folder.path.string() + ": expected a file, found something else");
  refuses_with([&] { read_hdf5_file(folder.with("text", "no HDF5 at all")); },
               "text: cannot be opened as an HDF5 file: ");
  refuses_with([&] { read_hdf5("", "none"); }, "none: cannot be opened as an HDF5 file: ");
  refuses([&] { read_hdf5(minfold::hdf5_bytes({}), "none"); },
          "none: expected a dataset, the file has none");
  refuses([] { minfold::hdf5_bytes({{{"a/b", Array{ElementType::float64, {2, 2}, {1}}}}, {}}); },
          "hdf5_bytes: a/b has the shape 2 x 2 and 1 values");
  refuses([] { minfold::hdf5_bytes({{{"c", TextArray{{3}, {"x"}}}}, {}}); },
          "hdf5_bytes: c has the shape 3 and 1 values");

  Hdf5Content content;
  for (int i = 10; i < 22; ++i)
    content.datasets.emplace_back("d/" + std::to_string(i), Array{ElementType::float64, {1}, {1}});
  auto const several = minfold::hdf5_bytes(content);
  std::string const names = "d/10, d/11, d/12, d/13, d/14, d/15, d/16, d/17, d/18, d/19, ...";
  refuses([&] { read_hdf5(several, "a"); },
          "a: expected the name of one of its 12 datasets, as in FILE.h5:d/10; it has " + names);
  refuses([&] { read_hdf5(several, "a", "d"); }, "a: it has no dataset 'd', it has " + names);
  refuses([&] { read_hdf5(several, "a", "/"); }, "a: it has no dataset '/', it has " + names);

  content.datasets = {{"t", TextArray{{1}, {"text"}}}};
  refuses(
      [&] { read_hdf5(minfold::hdf5_bytes(content), "a"); },
      "a:t: expected floating-point numbers or integers of at most 8 bytes, found another type");
  if (sizeof(long double) > 8) {
    Foreign wide;
    wide.stored = H5T_NATIVE_LDOUBLE;
    wide.make(path, {1, 2, 3, 4});
    refuses([&] { read_hdf5_file(path); },
            path +
                ":x: expected floating-point numbers or integers of at most 8 bytes, found "
                "larger ones");
  }
  Foreign large;
  large.stored = H5T_STD_I64LE;
  large.make(path, {1, 0x1p60, 2, 3});
  refuses([&] { read_hdf5_file(path); },
          path + ":x: expected integers below 2^53, found one of 1.15292e+18");

  // Shapes without numbers: nothing may be allocated for them.
  Foreign claim;
  claim.write = false;
  claim.shape = {1u << 20, 1u << 20, 1u << 20, 16};
  claim.chunk = {1, 1, 1, 16};
  claim.make(path, {});
  refuses_with([&] { read_hdf5_file(path); },
               path + ":x: expected 1048576 x 1048576 x 1048576 x 16 elements, a file of ");
  // 2^61 numbers of 8 bytes: a product of 2^64.
  claim.shape = {1u << 20, 1u << 20, 1u << 21};
  claim.chunk = {1, 1, 16};
  claim.make(path, {});
  refuses_with([&] { read_hdf5_file(path); },
               path + ":x: expected 1048576 x 1048576 x 2097152 elements, a file of ");
  claim.shape = {4};
  claim.chunk = {2};
  claim.make(path, {});
  refuses([&] { read_hdf5_file(path); }, path + ":x: it has no numbers, only a shape");
  claim.external = folder("numbers");
  claim.chunk.clear();
  claim.make(path, {});
  refuses([&] { read_hdf5_file(path); },
          path + ":x: expected numbers in the file itself, they are in other files");

  Foreign().make(path, {1, 2, 3, 4});
  auto const whole = minfold::test::content(path);
  for (std::size_t size = 0; size < whole.size(); size += 61)
    refuses_with([&] { read_hdf5(whole.substr(0, size), "cut"); },
                 "cut: cannot be opened as an HDF5 file: ");
  CHECK(read_hdf5(whole, "whole").values == Values{1, 2, 3, 4});
}

TEST_CASE("chunks that ask for more memory than their bytes can fill are refused") {
  Folder const folder;
  auto const path = folder("chunk.h5");
  // Packed twice, 4 MB of zeros are a few bytes.
  hsize_t const shape = 1, most = H5S_UNLIMITED, chunk = hsize_t(1) << 20;
  hid_t const file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t const space = H5Screate_simple(1, &shape, &most);
  hid_t const properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(properties, 1, &chunk);
  H5Pset_deflate(properties, 6);
  H5Pset_deflate(properties, 6);
  hid_t const dataset =
      H5Dcreate2(file, "x", H5T_STD_I32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  int const zero = 0;
  H5Dwrite(dataset, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, &zero);
  H5Dclose(dataset);
  H5Pclose(properties);
  H5Sclose(space);
  H5Fclose(file);
  refuses_with([&] { read_hdf5_file(path); }, ":x: its chunks ask for more memory than its ");
}

TEST_CASE("filters in an order in which HDF5 reads past the end of a chunk are refused") {
  // A chunk of four numbers 0 as scale-offset stores it: 0 bits a number, 8 bytes of the minimum.
  std::string packed(22, '\0');
  packed[4] = 8;
  Folder const folder;
  auto const path = folder("x.h5");
  auto const make = [&](bool checksum_first, bool n_bit) {
    hid_t const file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hsize_t const extent = 4, offset = 0;
    hid_t const space = H5Screate_simple(1, &extent, nullptr);
    hid_t const properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(properties, 1, &extent);
    H5Pset_shuffle(properties);
    if (checksum_first) H5Pset_fletcher32(properties);
    if (n_bit)
      H5Pset_nbit(properties);
    else
      H5Pset_scaleoffset(properties, H5Z_SO_INT, 0);
    hid_t const dataset =
        H5Dcreate2(file, "x", H5T_STD_I32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    // Past the filters, in which HDF5 would write out of bounds.
    H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, &offset, packed.size(), packed.data());
    H5Dclose(dataset);
    H5Pclose(properties);
    H5Sclose(space);
    H5Fclose(file);
  };
  make(false, false);
  CHECK(read_hdf5_file(path).values == Values{0, 0, 0, 0});
  for (bool const n_bit : {false, true}) {
    make(true, n_bit);
    refuses([&] { read_hdf5_file(path); },
            path +
                ":x: expected scale-offset and n-bit in front of the filters that change the "
                "length of a chunk");
  }
}

TEST_CASE("filters that HDF5 undoes to other numbers than were written are refused") {
  Folder const folder;
  auto const path = folder("x.h5");
  Values values(867, -100);
  for (std::size_t i = 0; i < values.size(); i += 3) values[i] = double(i) / 7;
  enum Filters { shuffle = 1, deflate = 2, checksum = 4, n_bit = 8 };
  for (int const filters : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}) {
    hid_t const file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hsize_t const extent = values.size();
    hid_t const space = H5Screate_simple(1, &extent, nullptr);
    hid_t const properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(properties, 1, &extent);
    if (filters & shuffle) H5Pset_shuffle(properties);
    if (filters & n_bit) H5Pset_nbit(properties);
    if (filters & deflate) H5Pset_deflate(properties, 6);
    if (filters & checksum) H5Pset_fletcher32(properties);
    hid_t const dataset =
        H5Dcreate2(file, "x", H5T_IEEE_F64BE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dclose(dataset);
    H5Pclose(properties);
    H5Sclose(space);
    H5Fclose(file);
    CAPTURE(filters);
    bool const both_sides =
        (filters & shuffle) && (filters & n_bit) && (filters & (deflate | checksum));
    if (both_sides)
      refuses([&] { read_hdf5_file(path); },
              path +
                  ":x: expected no filters on both sides of an n-bit that packs nothing, which "
                  "HDF5 does not undo");
    else
      CHECK(read_hdf5_file(path).values == values);
  }
}

TEST_CASE("names of a file are shown only as far as they can be printed") {
  Hdf5Content content;
  Array const one{ElementType::float64, {1}, {1}};
  content.datasets = {{"a\x1b[2J", one}, {"b\xff", one}};
  auto const bytes = minfold::hdf5_bytes(content);
  refuses([&] { read_hdf5(bytes, "m"); },
          "m: expected the name of one of its 2 datasets, as in FILE.h5:a?[2J; it has a?[2J, b?");
  CHECK(read_hdf5(bytes, "m", "a\x1b[2J").values == Values{1});
}
