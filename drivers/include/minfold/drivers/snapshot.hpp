// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_SNAPSHOT_HPP
#define MINFOLD_DRIVERS_SNAPSHOT_HPP

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace minfold {

/// What an element of a snapshot is. `record`: a struct, byte for byte; `text`: strings.
enum class SnapshotType : std::uint8_t { int32, int64, uint64, float32, float64, record, text };
char const* to_string(SnapshotType type);

/// An array under a name. Host data, row after row; strings follow one another, each with a 0 at its end.
struct SnapshotEntry {
  SnapshotType type = SnapshotType::int32;
  std::size_t element_size = 4;  ///< bytes; 1 for texts
  std::vector<std::int64_t> shape;
  std::vector<std::byte> data;

  std::int64_t elements() const;
};

/// The state of a run between two iterations: named arrays, in no format of a file. Names are words
/// joined by '/'.
struct Snapshot {
  std::map<std::string, SnapshotEntry> entries;

  /// One number or one text under a name; std::invalid_argument with a sentence where there is none.
  std::int64_t integer(std::string const& name) const;
  std::string text(std::string const& name) const;
  /// Outer iterations that were completed.
  int iteration() const { return int(integer("run/iteration")); }
};

}  // namespace minfold

#endif
