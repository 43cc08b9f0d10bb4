// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/core/version.hpp>
#include <minfold/files/checkpoint.hpp>

#include "checkpoint_image.hpp"
#include "hdf5_make.hpp"

#include <algorithm>
#include <cstring>

namespace minfold::impl {
namespace {

Hdf5Handle record_type(std::size_t size) {
  Hdf5Handle type(H5Tcreate(H5T_OPAQUE, size), H5Tclose);
  require_made(type.valid() && H5Tset_tag(type.id(), "minfold record") >= 0, "a type of records");
  return type;
}

Hdf5Handle number_type(SnapshotType type) {
  hid_t const known = type == SnapshotType::int32     ? H5T_STD_I32LE
                      : type == SnapshotType::int64   ? H5T_STD_I64LE
                      : type == SnapshotType::uint64  ? H5T_STD_U64LE
                      : type == SnapshotType::float32 ? H5T_IEEE_F32LE
                                                      : H5T_IEEE_F64LE;
  return {H5Tcopy(known), H5Tclose};
}
hid_t in_memory(SnapshotType type) {
  return type == SnapshotType::int32     ? H5T_NATIVE_INT32
         : type == SnapshotType::int64   ? H5T_NATIVE_INT64
         : type == SnapshotType::uint64  ? H5T_NATIVE_UINT64
         : type == SnapshotType::float32 ? H5T_NATIVE_FLOAT
                                         : H5T_NATIVE_DOUBLE;
}

/// Texts of a fixed length, that of the longest.
std::string padded(SnapshotEntry const& entry, std::size_t& length) {
  std::string_view const all(reinterpret_cast<char const*>(entry.data.data()), entry.data.size());
  length = 1;
  for (std::size_t at = 0, end; at < all.size(); at = end + 1) {
    end = std::min(all.find('\0', at), all.size());
    length = std::max(length, end - at);
  }
  std::string bytes;
  for (std::size_t at = 0, end; at < all.size(); at = end + 1) {
    end = std::min(all.find('\0', at), all.size());
    bytes += all.substr(at, end - at);
    bytes.resize(bytes.size() + length - (end - at), '\0');
  }
  return bytes;
}

void write_entry(hid_t file, std::string const& name, SnapshotEntry const& entry) {
  std::vector<hsize_t> const extents(entry.shape.begin(), entry.shape.end());
  Hdf5Handle const space(extents.empty()
                             ? H5Screate(H5S_SCALAR)
                             : H5Screate_simple(int(extents.size()), extents.data(), nullptr),
                         H5Sclose);
  Hdf5Handle const links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  Hdf5Handle const properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  // No times: the same snapshot gives the same bytes.
  require_made(space.valid() && H5Pset_create_intermediate_group(links.id(), 1) >= 0 &&
                   H5Pset_obj_track_times(properties.id(), false) >= 0,
               name);
  std::size_t length = 0;
  std::string texts;
  bool const is_text = entry.type == SnapshotType::text;
  if (is_text) texts = padded(entry, length);
  auto const type = is_text                              ? text_type(length)
                    : entry.type == SnapshotType::record ? record_type(entry.element_size)
                                                         : number_type(entry.type);
  Hdf5Handle const dataset(H5Dcreate2(file, name.c_str(), type.id(), space.id(), links.id(),
                                      properties.id(), H5P_DEFAULT),
                           H5Dclose);
  require_made(dataset.valid(), name);
  bool const is_number = !is_text && entry.type != SnapshotType::record;
  void const* const bytes = is_text ? static_cast<void const*>(texts.data())
                                    : static_cast<void const*>(entry.data.data());
  require_made(
      entry.elements() == 0 || H5Dwrite(dataset.id(), is_number ? in_memory(entry.type) : type.id(),
                                        H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0,
      name);
}

void write_attribute(hid_t file, char const* name, hid_t type, void const* value) {
  Hdf5Handle const space(H5Screate(H5S_SCALAR), H5Sclose);
  Hdf5Handle const attribute(H5Acreate2(file, name, type, space.id(), H5P_DEFAULT, H5P_DEFAULT),
                             H5Aclose);
  require_made(attribute.valid() && H5Awrite(attribute.id(), type, value) >= 0, name);
}

}  // namespace

std::string write_checkpoint_image(Snapshot const& snapshot, std::size_t room) {
  Hdf5Silence const silence;
  std::size_t total = std::size_t(1) << 16;
  for (auto const& [name, entry] : snapshot.entries) total += entry.data.size() + 512;
  Hdf5Handle const access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // In memory, which grows by what there is to write: HDF5 never touches the disk.
  require_made(H5Pset_fapl_core(access.id(), total, false) >= 0, "a file in memory");
  Hdf5Handle const creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  require_made(H5Pset_obj_track_times(creation.id(), false) >= 0, "a file in memory");
  Hdf5Handle file(H5Fcreate("minfold checkpoint", H5F_ACC_TRUNC, creation.id(), access.id()),
                  H5Fclose);
  require_made(file.valid(), "a file in memory");
  write_attribute(file.id(), "schema", H5T_NATIVE_INT, &checkpoint_schema);
  auto const version_type = text_type(std::strlen(version));
  write_attribute(file.id(), "minfold_version", version_type.id(), version);
  for (auto const& [name, entry] : snapshot.entries) write_entry(file.id(), name, entry);
  require_made(H5Fflush(file.id(), H5F_SCOPE_GLOBAL) >= 0, "a file in memory");
  auto const size = H5Fget_file_image(file.id(), nullptr, 0);
  require_made(size > 0, "a file in memory");
  std::string bytes(room + std::size_t(size), '\0');
  require_made(H5Fget_file_image(file.id(), bytes.data() + room, std::size_t(size)) == size,
               "a file in memory");
  return bytes;
}

}  // namespace minfold::impl
