// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_CHECKPOINT_IMAGE_HPP
#define MINFOLD_FILES_CHECKPOINT_IMAGE_HPP

#include <minfold/drivers/snapshot.hpp>

#include <string>
#include <string_view>

/// The HDF5 file within a checkpoint, in memory.
namespace minfold::impl {

/// With `room` bytes in front of it.
std::string write_checkpoint_image(Snapshot const& snapshot, std::size_t room = 0);
/// `image` need not be one of ours: whatever it says is checked against its own size.
Snapshot read_checkpoint_image(std::string_view image, std::string const& name);

/// The block before an image.
std::string checkpoint_header(std::string_view image);

}  // namespace minfold::impl

#endif
