// SPDX-License-Identifier: Apache-2.0
// Checkpoints. The first byte of an input chooses: any bytes (0); or a snapshot by recipe, which has to
// come back from its file unchanged, and not at all from a file of which the recipe has changed bytes.
#include <minfold/files/checkpoint.hpp>

#include "fuzz.hpp"

#include <algorithm>

using namespace minfold;

namespace {

struct Recipe {
  std::uint8_t const* data;
  std::size_t left;

  std::size_t byte() { return left > 0 ? (--left, std::size_t(*data++)) : 0; }
  std::string word() {
    std::string text = "w";
    for (std::size_t n = byte() % 8; n > 0; --n) text += "abcdefghijklmnop_.-0 "[byte() % 21];
    return text;
  }
};

SnapshotEntry texts(Recipe& recipe) {
  SnapshotEntry entry{SnapshotType::text, 1, {std::int64_t(recipe.byte() % 4)}, {}};
  for (std::int64_t i = 0; i < entry.shape[0]; ++i) {
    for (std::size_t n = recipe.byte() % 20; n > 0; --n)
      entry.data.push_back(std::byte(std::max<std::size_t>(1, recipe.byte())));
    entry.data.push_back(std::byte(0));
  }
  return entry;
}

SnapshotEntry entry_of(Recipe& recipe) {
  auto const type = SnapshotType(recipe.byte() % 7);
  if (type == SnapshotType::text) return texts(recipe);
  bool const wide =
      type == SnapshotType::int64 || type == SnapshotType::uint64 || type == SnapshotType::float64;
  SnapshotEntry entry{type, wide ? 8u : 4u, {}, {}};
  if (type == SnapshotType::record) entry.element_size = 1 + recipe.byte();
  for (std::size_t rank = recipe.byte() % 4; rank > 0; --rank)
    entry.shape.push_back(std::int64_t(recipe.byte() % 5));
  entry.data.resize(std::size_t(entry.elements()) * entry.element_size);
  for (auto& b : entry.data) b = std::byte(recipe.byte());
  return entry;
}

bool same(Snapshot const& a, Snapshot const& b) {
  auto const equal = [](auto const& x, auto const& y) {
    auto const& [s, t] = std::pair(x.second, y.second);
    return x.first == y.first && s.type == t.type && s.element_size == t.element_size &&
           s.shape == t.shape && s.data == t.data;
  };
  return std::ranges::equal(a.entries, b.entries, equal);
}

/// Whether anything that a caller may ask of a snapshot ends in an answer or a sentence.
void ask(Snapshot const& snapshot) {
  for (auto const& [name, entry] : snapshot.entries) {
    EXPECT(std::ranges::all_of(entry.shape, [](std::int64_t extent) { return extent >= 0; }));
    if (entry.type != SnapshotType::text)
      EXPECT(entry.data.size() == std::size_t(entry.elements()) * entry.element_size);
    fuzz::attempt([&, &key = name] { return snapshot.integer(key); });
    fuzz::attempt([&, &key = name] { return snapshot.text(key); });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Recipe recipe{data, size};
  std::string const name = "run.ckpt";
  if (recipe.byte() == 0) {
    auto const any =
        fuzz::attempt([&] { return read_checkpoint(fuzz::view(recipe.data, recipe.left), name); });
    if (any) ask(*any);
    fuzz::accepted = any.has_value();
    return 0;
  }
  Snapshot snapshot;
  for (std::size_t n = 1 + recipe.byte() % 6; n > 0; --n) {
    // In a group or not: a name cannot be both a group and an array.
    std::string const place = recipe.byte() % 2 ? "group/" : "x";
    snapshot.entries[place + recipe.word()] = entry_of(recipe);
  }
  auto bytes = checkpoint_bytes(snapshot);
  auto const back = fuzz::attempt([&] { return read_checkpoint(bytes, name); });
  EXPECT(back && same(snapshot, *back));
  ask(*back);

  auto const whole = bytes;
  bytes.resize(bytes.size() - (recipe.byte() == 1 ? recipe.byte() : 0));
  while (recipe.left > 2) {
    auto const at = recipe.byte() + 256 * recipe.byte();
    bytes[at % bytes.size()] ^= char(recipe.byte());
  }
  auto const changed = fuzz::attempt([&] { return read_checkpoint(bytes, name); });
  EXPECT(changed.has_value() == (bytes == whole));
  return 0;
}
