// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_CHECKPOINT_HPP
#define MINFOLD_FILES_CHECKPOINT_HPP

#include <minfold/drivers/snapshot.hpp>

#include <string>
#include <string_view>

/// Snapshots of runs in files.
///
/// A checkpoint is a block of 512 bytes, whose first lines say in plain text what it is, and an HDF5 file:
///     minfold checkpoint 1      the schema
///     crc32 89abcdef            of the HDF5 file
///     bytes 12345               of the HDF5 file
/// h5dump and other readers of HDF5 skip the block. Each entry of the snapshot is a dataset of its name:
/// little-endian numbers, records as opaque bytes of the machine that wrote them, texts as UTF-8 of a fixed
/// length. The root has the attributes `schema` and `minfold_version`.
///
/// The checksum is compared before HDF5 sees a byte, so that no damaged file gets to it. It guards against
/// accidents, not against forgery: resume from files that you trust.
///
/// Errors: std::invalid_argument with one sentence that names the file and what is wrong with it.
/// HDF5 is not used from several threads at once: neither must these functions be.
namespace minfold {

inline constexpr int checkpoint_schema = 1;

/// The bytes of a checkpoint. Costs two copies of the snapshot while it works.
std::string checkpoint_bytes(Snapshot const& snapshot);

/// Reads what checkpoint_bytes gave; `name` stands for the file in sentences.
Snapshot read_checkpoint(std::string_view bytes, std::string const& name);

/// Writes a file that has the old content or all of the new one whenever it is looked at: the bytes go to
/// another name in the same folder, to the disk, and are renamed; then the folder goes to the disk.
void write_checkpoint_file(std::string const& path, Snapshot const& snapshot);
Snapshot read_checkpoint_file(std::string const& path);

}  // namespace minfold

#endif
