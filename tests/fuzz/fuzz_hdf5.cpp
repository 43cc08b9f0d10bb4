// SPDX-License-Identifier: Apache-2.0
// HDF5 files that are well formed and yet nothing that the reader wants: an input is a recipe, by which
// HDF5 itself makes a file with one dataset of some type, shape, layout and filters, other objects
// beside it, and links. What HDF5 does with files that are not well formed is fuzz_hdf5_raw's.
#include <minfold/files/hdf5.hpp>

#include "fuzz.hpp"
#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace minfold;

namespace {

/// Takes decisions from the front of the input; 0 once it is used up.
struct Recipe {
  std::uint8_t const* data;
  std::size_t left;

  unsigned byte() { return left > 0 ? (--left, unsigned(*data++)) : 0; }
  unsigned pick(unsigned choices) { return byte() % choices; }
  std::string text(std::size_t most) {
    std::string result(std::min(most, std::size_t(byte())), '\0');
    for (char& c : result) c = char(byte());
    return result;
  }
};

hid_t compound() {
  hid_t const type = H5Tcreate(H5T_COMPOUND, 12);
  H5Tinsert(type, "a", 0, H5T_NATIVE_INT);
  H5Tinsert(type, "b", 4, H5T_NATIVE_DOUBLE);
  return type;
}

hid_t enumeration() {
  hid_t const type = H5Tenum_create(H5T_NATIVE_SHORT);
  short const value = 3;
  H5Tenum_insert(type, "three", &value);
  return type;
}

/// A floating-point type of 2 bytes.
hid_t half() {
  hid_t const type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_precision(type, 16);
  H5Tset_ebias(type, 15);
  H5Tset_size(type, 2);
  return type;
}

hid_t narrow_integer(Recipe& recipe) {
  hid_t const type = H5Tcopy(recipe.pick(2) ? H5T_STD_I32LE : H5T_STD_U64BE);
  H5Tset_precision(type, 1 + recipe.pick(31));
  H5Tset_offset(type, recipe.pick(4));
  return type;
}

hid_t array_type() {
  hsize_t const extent = 3;
  return H5Tarray_create2(H5T_NATIVE_DOUBLE, 1, &extent);
}

hid_t element_type(Recipe& recipe) {
  hid_t const plain[] = {H5T_IEEE_F64LE, H5T_IEEE_F32LE,     H5T_IEEE_F64BE,  H5T_STD_I8LE,
                         H5T_STD_U8LE,   H5T_STD_I64LE,      H5T_STD_U64BE,   H5T_STD_I16BE,
                         H5T_C_S1,       H5T_NATIVE_LDOUBLE, H5T_STD_REF_OBJ, H5T_NATIVE_B32};
  auto const choice = recipe.pick(20);
  switch (choice) {
    case 12: return compound();
    case 13: return enumeration();
    case 14: return half();
    case 15: return narrow_integer(recipe);
    case 16: return array_type();
    case 17: return H5Tvlen_create(H5T_NATIVE_DOUBLE);
    case 18: return H5Tcreate(H5T_OPAQUE, 8);
    default: return H5Tcopy(plain[choice % 12]);
  }
}

hsize_t extent(Recipe& recipe) {
  hsize_t const few[] = {0, 1, 2, 3, 5, 17, 1000, 1 << 20, hsize_t(1) << 33, hsize_t(1) << 62};
  return few[recipe.pick(10)];
}

/// What is allocated and written in a test.
bool small(std::vector<hsize_t> const& extents) {
  auto const count = element_count({extents.begin(), extents.end()});
  return count && *count <= 5000;
}

/// HDF5 1.14 writes outside its buffers where scale-offset or n-bit gets anything but a whole chunk of
/// elements: only shuffle, which keeps the length, may be in front of one of them. Files with
/// another order are made by the tests of the reader, without these filters of HDF5.
void set_filters(Recipe& recipe, hid_t properties) {
  bool const shuffle = recipe.pick(2), deflate = recipe.pick(2), checksum = recipe.pick(4) == 1,
             scale_offset = recipe.pick(4) == 1, n_bit = recipe.pick(4) == 1;
  if (shuffle) H5Pset_shuffle(properties);
  if (scale_offset) H5Pset_scaleoffset(properties, H5Z_SO_INT, 0);
  if (n_bit && !scale_offset) H5Pset_nbit(properties);
  if (deflate) H5Pset_deflate(properties, 6);
  if (checksum) H5Pset_fletcher32(properties);
}

void set_layout(Recipe& recipe, hid_t properties, std::vector<hsize_t> const& extents) {
  auto const rank = int(extents.size());
  switch (recipe.pick(6)) {
    case 0: H5Pset_layout(properties, H5D_COMPACT); break;
    case 1: H5Pset_external(properties, "/dev/zero", 0, H5F_UNLIMITED); break;
    case 2:
      if (rank == 1) {
        hid_t const space = H5Screate_simple(1, extents.data(), nullptr);
        H5Pset_virtual(properties, space, "/dev/zero", "x", space);
        H5Sclose(space);
      }
      break;
    case 3:
    case 4: {
      std::vector<hsize_t> chunk;
      for (auto const e : extents) chunk.push_back(std::clamp<hsize_t>(e, 1, 1 + recipe.byte()));
      if (rank > 0) H5Pset_chunk(properties, rank, chunk.data());
      set_filters(recipe, properties);
      break;
    }
    default: break;
  }
  if (recipe.pick(3) == 1 && small(extents)) H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
  double const fill = recipe.byte();
  if (recipe.pick(3) == 1) H5Pset_fill_value(properties, H5T_NATIVE_DOUBLE, &fill);
}

void write_numbers(Recipe& recipe, hid_t dataset, std::vector<hsize_t> const& extents) {
  if (!small(extents)) return;
  auto const count = element_count({extents.begin(), extents.end()});
  std::vector<double> values(*count);
  for (double& v : values) v = double(recipe.byte()) - 100;
  if (recipe.pick(8) == 1 && !values.empty()) values[0] = 0x1p60;
  H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
}

void make_dataset(Recipe& recipe, hid_t file) {
  std::string const name = "d" + recipe.text(60);
  hid_t const type = element_type(recipe);
  std::vector<hsize_t> extents(recipe.pick(12) == 11 ? 32 : recipe.pick(4));
  for (auto& e : extents) e = extent(recipe);
  auto const kind = recipe.pick(8);
  hid_t const space = kind == 7 ? H5Screate(H5S_NULL)
                      : extents.empty()
                          ? H5Screate(H5S_SCALAR)
                          : H5Screate_simple(int(extents.size()), extents.data(), nullptr);
  hid_t const properties = H5Pcreate(H5P_DATASET_CREATE);
  set_layout(recipe, properties, extents);
  hid_t const links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  hid_t const dataset = H5Dcreate2(file, name.c_str(), type, space, links, properties, H5P_DEFAULT);
  // HDF5 leaks where it opens, to write, the other file that a virtual dataset names.
  bool const written = recipe.pick(4) != 1 && H5Pget_layout(properties) != H5D_VIRTUAL;
  if (dataset >= 0 && written) write_numbers(recipe, dataset, extents);
  if (dataset >= 0) H5Dclose(dataset);
  H5Pclose(links);
  H5Pclose(properties);
  H5Sclose(space);
  H5Tclose(type);
}

void make_others(Recipe& recipe, hid_t file) {
  auto const which = recipe.byte();
  if (which & 1) H5Lcreate_soft("nowhere", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
  if (which & 2) H5Lcreate_external("/dev/zero", "x", file, "other", H5P_DEFAULT, H5P_DEFAULT);
  if (which & 4) H5Lcreate_hard(file, "/", file, "circle", H5P_DEFAULT, H5P_DEFAULT);
  if (which & 8) H5Gclose(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  if (which & 16) {
    hid_t const type = H5Tcopy(H5T_NATIVE_INT);
    H5Tcommit2(file, "type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(type);
  }
  if (which & 32) make_dataset(recipe, file);
}

void make_file(Recipe& recipe, std::string const& path) {
  hid_t const access = H5Pcreate(H5P_FILE_ACCESS);
  if (recipe.pick(2)) H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  hid_t const file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
  EXPECT(file >= 0);
  make_dataset(recipe, file);
  make_others(recipe, file);
  H5Fclose(file);
  H5Pclose(access);
}

bool same(double a, double b) {
  return std::isnan(a) ? std::isnan(b) : a == b;
}

void check(Array const& array) {
  EXPECT(element_count(array.shape) == array.values.size());
  // No recipe makes more numbers than these.
  EXPECT(array.values.size() <= 5'000'000);
  auto const again = fuzz::attempt(
      [&] { return read_hdf5(hdf5_bytes({{{"group/again", array}}, {}}), "again.h5"); });
  EXPECT(again && again->type == array.type && again->shape == array.shape);
  EXPECT(again->values.size() == array.values.size());
  for (std::size_t i = 0; i < array.values.size(); ++i)
    EXPECT(same(again->values[i], array.values[i]));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  static fuzz::ScratchFile file(".h5");
  Recipe recipe{data, size};
  make_file(recipe, file.path());
  auto const wanted = recipe.pick(3) == 1 ? recipe.text(40) : std::string();
  auto const array = fuzz::attempt([&] { return read_hdf5(file.content(), "recipe.h5", wanted); });
  auto const same_array = fuzz::attempt([&] { return read_hdf5_file(file.path(), wanted); });
  EXPECT(array.has_value() == same_array.has_value());
  if (array) {
    EXPECT(std::ranges::equal(array->values, same_array->values, same));
    check(*array);
  }
  fuzz::accepted = array.has_value();
  // Whatever was refused or accepted, nothing stays open.
  EXPECT(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL) == 0);
  return 0;
}
