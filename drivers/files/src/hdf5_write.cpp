// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/files/hdf5.hpp>

#include "hdf5_make.hpp"

#include <algorithm>

namespace minfold {
namespace {

using impl::Hdf5Handle;
using impl::Hdf5Silence;
using impl::require_made;
using impl::text_type;

hid_t stored_type(ElementType type) {
  switch (type) {
    case ElementType::float32: return H5T_IEEE_F32LE;
    case ElementType::float64: return H5T_IEEE_F64LE;
    case ElementType::int64: return H5T_STD_I64LE;
  }
  return H5T_IEEE_F64LE;
}

void write_dataset(hid_t file, std::string const& name, hid_t stored, hid_t given,
                   std::vector<std::uint64_t> const& shape, void const* values) {
  std::vector<hsize_t> const extents(shape.begin(), shape.end());
  Hdf5Handle const space(extents.empty()
                             ? H5Screate(H5S_SCALAR)
                             : H5Screate_simple(int(extents.size()), extents.data(), nullptr),
                         H5Sclose);
  Hdf5Handle const links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  require_made(space.valid() && H5Pset_create_intermediate_group(links.id(), 1) >= 0, name);
  Hdf5Handle const dataset(
      H5Dcreate2(file, name.c_str(), stored, space.id(), links.id(), H5P_DEFAULT, H5P_DEFAULT),
      H5Dclose);
  require_made(dataset.valid(), name);
  require_made(H5Dwrite(dataset.id(), given, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0, name);
}

template <class A>
void require_filled(std::string const& name, A const& array) {
  MINFOLD_REQUIRE(element_count(array.shape) == array.values.size(), "hdf5_bytes: ", name,
                  " has the shape ", shape_text(array.shape), " and ", array.values.size(),
                  " values");
}

void write_dataset(hid_t file, std::string const& name, Array const& array) {
  require_filled(name, array);
  write_dataset(file, name, stored_type(array.type), H5T_NATIVE_DOUBLE, array.shape,
                array.values.data());
}

void write_dataset(hid_t file, std::string const& name, TextArray const& texts) {
  require_filled(name, texts);
  std::size_t length = 1;
  for (auto const& text : texts.values) length = std::max(length, text.size());
  std::string padded;
  for (auto const& text : texts.values) padded += text + std::string(length - text.size(), '\0');
  auto const type = text_type(length);
  write_dataset(file, name, type.id(), type.id(), texts.shape, padded.data());
}

void write_attribute(hid_t file, std::string const& name, std::string const& text) {
  auto const type = text_type(text.size());
  Hdf5Handle const space(H5Screate(H5S_SCALAR), H5Sclose);
  Hdf5Handle const attribute(
      H5Acreate2(file, name.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  require_made(attribute.valid() && H5Awrite(attribute.id(), type.id(), text.c_str()) >= 0,
               "the attribute " + name);
}

}  // namespace

std::string hdf5_bytes(Hdf5Content const& content) {
  Hdf5Silence const silence;
  Hdf5Handle const access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  require_made(H5Pset_fapl_core(access.id(), std::size_t(1) << 20, false) >= 0, "a file in memory");
  Hdf5Handle file(H5Fcreate("memory", H5F_ACC_TRUNC, H5P_DEFAULT, access.id()), H5Fclose);
  require_made(file.valid(), "a file in memory");
  for (auto const& [name, text] : content.attributes) write_attribute(file.id(), name, text);
  for (auto const& [name, values] : content.datasets)
    std::visit([&, &path = name](auto const& v) { write_dataset(file.id(), path, v); }, values);
  require_made(H5Fflush(file.id(), H5F_SCOPE_GLOBAL) >= 0, "a file in memory");
  auto const size = H5Fget_file_image(file.id(), nullptr, 0);
  require_made(size > 0, "a file in memory");
  std::string bytes(std::size_t(size), '\0');
  require_made(H5Fget_file_image(file.id(), bytes.data(), bytes.size()) == size,
               "a file in memory");
  return bytes;
}

}  // namespace minfold
