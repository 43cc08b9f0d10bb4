// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_SNAPSHOT_PARTS_HPP
#define MINFOLD_DRIVERS_IMPL_SNAPSHOT_PARTS_HPP

#include <minfold/drivers/snapshot.hpp>

namespace minfold::impl {

/// For sentences.
std::string shape_text(std::vector<std::int64_t> const& shape);
/// std::invalid_argument where there is none.
SnapshotEntry const& find_entry(Snapshot const& snapshot, std::string const& name);
/// The texts of an entry of type text.
std::vector<std::string> split_texts(SnapshotEntry const& entry);

}  // namespace minfold::impl

#endif
