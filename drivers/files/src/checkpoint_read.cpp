// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/files/checkpoint.hpp>

#include "checkpoint_image.hpp"
#include "hdf5_handle.hpp"

#include <algorithm>
#include <cstring>

namespace minfold::impl {
namespace {

struct Reader {
  std::string const& name;
  std::uint64_t left;  ///< bytes that datasets may still claim: those of the file

  template <class... Parts>
  void require(bool good, std::string const& entry, Parts const&... parts) const {
    MINFOLD_REQUIRE(good, name, ": ", entry, " ", parts...);
  }
  SnapshotEntry read(hid_t file, std::string const& path);
  void find_type(hid_t type, std::string const& path, SnapshotEntry& entry) const;
  void read_texts(hid_t dataset, hid_t type, std::string const& path, SnapshotEntry& entry) const;
};

/// Paths of all datasets. Links to elsewhere, which might be another file, are refused.
std::vector<std::string> dataset_names(hid_t file, std::string const& name) {
  struct Found {
    hid_t file;
    std::vector<std::string> names;
    bool good = true;
  } found{file, {}};
#if H5_VERSION_GE(1, 12, 0)
  using Info = H5L_info2_t;
#else
  using Info = H5L_info_t;
#endif
  auto const visit = [](hid_t, char const* path, Info const* info, void* out) -> herr_t {
    auto& all = *static_cast<Found*>(out);
    if (info->type != H5L_TYPE_HARD) {
      all.good = false;
      return 1;
    }
    Hdf5Handle const object(H5Oopen(all.file, path, H5P_DEFAULT), H5Oclose);
    auto const kind = object.valid() ? H5Iget_type(object.id()) : H5I_BADID;
    if (kind == H5I_DATASET) {
      try {
        all.names.emplace_back(path);
      } catch (...) {
        return -1;  // an exception must not pass through HDF5
      }
    }
    all.good = all.good && (kind == H5I_DATASET || kind == H5I_GROUP);
    return all.good ? 0 : 1;
  };
#if H5_VERSION_GE(1, 12, 0)
  herr_t const result = H5Lvisit2(file, H5_INDEX_NAME, H5_ITER_INC, visit, &found);
#else
  herr_t const result = H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, visit, &found);
#endif
  MINFOLD_REQUIRE(found.good, name, ": it has something else than datasets and groups");
  MINFOLD_REQUIRE(result >= 0, name, ": its datasets cannot be listed: ", Hdf5Silence::reason());
  return found.names;
}

void Reader::find_type(hid_t type, std::string const& path, SnapshotEntry& entry) const {
  entry.element_size = H5Tget_size(type);
  auto const is = [&](hid_t known) { return H5Tequal(type, known) > 0; };
  bool known = true;
  if (is(H5T_STD_I32LE))
    entry.type = SnapshotType::int32;
  else if (is(H5T_STD_I64LE))
    entry.type = SnapshotType::int64;
  else if (is(H5T_STD_U64LE))
    entry.type = SnapshotType::uint64;
  else if (is(H5T_IEEE_F32LE))
    entry.type = SnapshotType::float32;
  else if (is(H5T_IEEE_F64LE))
    entry.type = SnapshotType::float64;
  else if (H5Tget_class(type) == H5T_OPAQUE)
    entry.type = SnapshotType::record;
  else if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0)
    entry.type = SnapshotType::text;
  else
    known = false;
  require(known && entry.element_size > 0, path, "is of a type that no checkpoint has");
}

void Reader::read_texts(hid_t dataset, hid_t type, std::string const& path,
                        SnapshotEntry& entry) const {
  auto const count = std::size_t(entry.elements()), length = entry.element_size;
  std::string padded(count * length, '\0');
  require(count == 0 || H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, padded.data()) >= 0,
          path, "cannot be read: ", Hdf5Silence::reason());
  for (std::size_t i = 0; i < count; ++i) {
    auto const text = std::string_view(padded).substr(i * length, length);
    auto const* const bytes = reinterpret_cast<std::byte const*>(text.data());
    entry.data.insert(entry.data.end(), bytes, bytes + std::min(text.find('\0'), length));
    entry.data.push_back(std::byte{0});
  }
  entry.element_size = 1;
}

SnapshotEntry Reader::read(hid_t file, std::string const& path) {
  Hdf5Handle const dataset(H5Dopen2(file, path.c_str(), H5P_DEFAULT), H5Dclose);
  require(dataset.valid(), path, "cannot be opened: ", Hdf5Silence::reason());
  Hdf5Handle const type(H5Dget_type(dataset.id()), H5Tclose);
  Hdf5Handle const space(H5Dget_space(dataset.id()), H5Sclose);
  Hdf5Handle const properties(H5Dget_create_plist(dataset.id()), H5Pclose);
  require(type.valid() && space.valid() && properties.valid(), path,
          "cannot be opened: ", Hdf5Silence::reason());
  SnapshotEntry entry;
  find_type(type.id(), path, entry);

  int const rank = H5Sget_simple_extent_ndims(space.id());
  require(rank >= 0 && rank <= 8 && H5Sget_simple_extent_type(space.id()) != H5S_NULL, path,
          "has no shape of a checkpoint");
  std::vector<hsize_t> extents(std::size_t(rank), 0);
  require(rank == 0 || H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr) >= 0, path,
          "has no shape that can be read");
  // What is claimed must be there, or a few bytes could ask for all memory.
  std::uint64_t bytes = entry.element_size;
  for (auto const extent : extents) {
    require(extent == 0 || bytes <= left / extent, path, "claims more than the file has");
    bytes *= extent;
    entry.shape.push_back(std::int64_t(extent));
  }
  auto const layout = H5Pget_layout(properties.id());
  require((layout == H5D_CONTIGUOUS || layout == H5D_COMPACT) &&
              H5Pget_external_count(properties.id()) == 0,
          path, "is not stored as a checkpoint stores it");
  require(bytes <= left && bytes == H5Dget_storage_size(dataset.id()), path,
          "claims another number of bytes than the file has");
  left -= bytes;
  if (entry.type == SnapshotType::text) {
    require(rank == 1, path, "has no shape of a list of texts");
    read_texts(dataset.id(), type.id(), path, entry);
    return entry;
  }
  entry.data.resize(bytes);
  Hdf5Handle const native(entry.type == SnapshotType::record
                              ? H5Tcopy(type.id())
                              : H5Tget_native_type(type.id(), H5T_DIR_DEFAULT),
                          H5Tclose);
  require(native.valid(), path, "cannot be read: ", Hdf5Silence::reason());
  require(bytes == 0 || H5Dread(dataset.id(), native.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                                entry.data.data()) >= 0,
          path, "cannot be read: ", Hdf5Silence::reason());
  return entry;
}

int schema_of(hid_t file) {
  Hdf5Handle const attribute(H5Aopen(file, "schema", H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) return -1;
  Hdf5Handle const type(H5Aget_type(attribute.id()), H5Tclose);
  Hdf5Handle const space(H5Aget_space(attribute.id()), H5Sclose);
  int schema = -1;
  bool const one = type.valid() && H5Tget_class(type.id()) == H5T_INTEGER && space.valid() &&
                   H5Sget_simple_extent_npoints(space.id()) == 1;
  return one && H5Aread(attribute.id(), H5T_NATIVE_INT, &schema) >= 0 ? schema : -1;
}

}  // namespace

Snapshot read_checkpoint_image(std::string_view image, std::string const& name) {
  Hdf5Silence const silence;
  Hdf5Handle const access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // HDF5 copies the image and does not write to what it is given, though it asks for void*.
  bool const ready =
      H5Pset_fapl_core(access.id(), std::size_t(1) << 20, false) >= 0 &&
      H5Pset_file_image(access.id(), const_cast<char*>(image.data()), image.size()) >= 0;
  MINFOLD_REQUIRE(ready, name, ": it cannot be opened as an HDF5 file: ", Hdf5Silence::reason());
  Hdf5Handle const file(H5Fopen("minfold checkpoint", H5F_ACC_RDONLY, access.id()), H5Fclose);
  MINFOLD_REQUIRE(file.valid(), name,
                  ": it cannot be opened as an HDF5 file: ", Hdf5Silence::reason());
  int const schema = schema_of(file.id());
  MINFOLD_REQUIRE(schema == checkpoint_schema, name, ": its attribute schema is not ",
                  checkpoint_schema);
  Snapshot snapshot;
  Reader reader{name, image.size()};
  for (auto const& path : dataset_names(file.id(), name))
    snapshot.entries[path] = reader.read(file.id(), path);
  return snapshot;
}

}  // namespace minfold::impl
