// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/impl/snapshot_parts.hpp>

#include <algorithm>
#include <cstring>

namespace minfold::impl {

std::string shape_text(std::vector<std::int64_t> const& shape) {
  if (shape.empty()) return "one";
  std::string text;
  for (auto const extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

SnapshotEntry const& find_entry(Snapshot const& snapshot, std::string const& name) {
  auto const found = snapshot.entries.find(name);
  MINFOLD_REQUIRE(found != snapshot.entries.end(), "the snapshot has no ", name);
  return found->second;
}

std::vector<std::string> split_texts(SnapshotEntry const& entry) {
  std::vector<std::string> texts;
  auto const* at = reinterpret_cast<char const*>(entry.data.data());
  auto const* const end = at + entry.data.size();
  while (at != end) {
    auto const* const stop = std::find(at, end, '\0');
    texts.emplace_back(at, stop);
    at = stop == end ? end : stop + 1;
  }
  return texts;
}

}  // namespace minfold::impl

namespace minfold {

using impl::find_entry, impl::shape_text, impl::split_texts;

char const* to_string(SnapshotType type) {
  switch (type) {
    case SnapshotType::int32: return "int32";
    case SnapshotType::int64: return "int64";
    case SnapshotType::uint64: return "uint64";
    case SnapshotType::float32: return "float32";
    case SnapshotType::float64: return "float64";
    case SnapshotType::record: return "record";
    case SnapshotType::text: return "text";
  }
  return "unknown type";
}

std::int64_t SnapshotEntry::elements() const {
  std::int64_t product = 1;
  for (auto const extent : shape) product *= extent;
  return product;
}

std::int64_t Snapshot::integer(std::string const& name) const {
  auto const& entry = find_entry(*this, name);
  if (entry.type == SnapshotType::int32 && entry.data.size() == 4) {
    std::int32_t value;
    std::memcpy(&value, entry.data.data(), 4);
    return value;
  }
  MINFOLD_REQUIRE((entry.type == SnapshotType::int64 || entry.type == SnapshotType::uint64) &&
                      entry.data.size() == 8,
                  "the snapshot has ", name, " as ", shape_text(entry.shape), " of ",
                  to_string(entry.type), ", expected an integer");
  std::int64_t value;
  std::memcpy(&value, entry.data.data(), 8);
  return value;
}

std::string Snapshot::text(std::string const& name) const {
  auto const& entry = find_entry(*this, name);
  auto const texts =
      entry.type == SnapshotType::text ? split_texts(entry) : std::vector<std::string>{};
  MINFOLD_REQUIRE(texts.size() == 1, "the snapshot has ", name, " as ", shape_text(entry.shape),
                  " of ", to_string(entry.type), ", expected a text");
  return texts[0];
}

}  // namespace minfold
