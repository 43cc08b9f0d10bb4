// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/impl/snapshot_parts.hpp>
#include <minfold/drivers/state_archive.hpp>

namespace minfold {
namespace {

using impl::find_entry, impl::shape_text, impl::split_texts;

void join(std::vector<std::string> const& texts, SnapshotEntry& entry) {
  entry.type = SnapshotType::text;
  entry.element_size = 1;
  entry.shape = {std::int64_t(texts.size())};
  entry.data.clear();
  for (auto const& text : texts) {
    // A 0 within a text would make two of it.
    std::string const whole = text.substr(0, text.find('\0'));
    auto const* const bytes = reinterpret_cast<std::byte const*>(whole.c_str());
    entry.data.insert(entry.data.end(), bytes, bytes + whole.size() + 1);
  }
}

}  // namespace

SnapshotEntry const& StateArchive::find(std::string const& name) const {
  return find_entry(*from_, prefix_ + name);
}

std::byte* StateArchive::place(std::string const& name, SnapshotType type, std::size_t size,
                               Shape const& shape) {
  if (!loads()) {
    auto& entry = to_->entries[prefix_ + name];
    entry.type = type;
    entry.element_size = size;
    entry.shape = shape;
    entry.data.resize(std::size_t(entry.elements()) * size);
    return entry.data.data();
  }
  auto const& entry = find(name);
  MINFOLD_REQUIRE(entry.type == type && entry.element_size == size, "the snapshot has ", prefix_,
                  name, " in elements of type ", to_string(entry.type), " with ",
                  entry.element_size, " bytes, expected ", to_string(type), " with ", size);
  MINFOLD_REQUIRE(entry.shape == shape, "the snapshot has ", shape_text(entry.shape), " of ",
                  prefix_, name, ", expected ", shape_text(shape));
  MINFOLD_REQUIRE(entry.data.size() == std::size_t(entry.elements()) * size, "the snapshot has ",
                  entry.data.size(), " bytes of ", prefix_, name);
  return const_cast<std::byte*>(entry.data.data());
}

void StateArchive::raw(std::string const& name, SnapshotType type, std::size_t size,
                       Shape const& shape, void* data) {
  auto* const bytes = place(name, type, size, shape);
  std::size_t count = size;
  for (auto const extent : shape) count *= std::size_t(extent);
  if (count == 0) return;
  if (loads())
    std::memcpy(data, bytes, count);
  else
    std::memcpy(bytes, data, count);
}

std::size_t StateArchive::length_of(std::string const& name) const {
  return std::size_t(shape_in_snapshot(name, 1)[0]);
}

StateArchive::Shape StateArchive::shape_in_snapshot(std::string const& name,
                                                    std::size_t rank) const {
  auto const& entry = find(name);
  bool good = entry.shape.size() == rank;
  for (auto const extent : entry.shape) good = good && extent >= 0;
  // Before something of that size is allocated.
  good = good && (entry.type == SnapshotType::text ||
                  entry.data.size() == std::size_t(entry.elements()) * entry.element_size);
  MINFOLD_REQUIRE(good, "the snapshot has ", shape_text(entry.shape), " of ", prefix_, name,
                  ", expected ", rank, " extents");
  return entry.shape;
}

void StateArchive::operator()(std::string const& name, std::vector<std::string>& texts) {
  if (!loads()) {
    join(texts, to_->entries[prefix_ + name]);
    return;
  }
  auto const& entry = find(name);
  MINFOLD_REQUIRE(entry.type == SnapshotType::text, "the snapshot has ", prefix_, name,
                  " in elements of type ", to_string(entry.type), ", expected text");
  texts = split_texts(entry);
}

void StateArchive::operator()(std::string const& name, std::string& text) {
  std::vector<std::string> one = {text};
  (*this)(name, one);
  MINFOLD_REQUIRE(one.size() == 1, "the snapshot has ", one.size(), " texts of ", prefix_, name,
                  ", expected 1");
  text = one[0];
}

ColumnArchive::Texts& ColumnArchive::texts(std::string const& name) {
  auto& all = texts_[name];
  if (loads() && !all.loaded) archive_(name, all.all);
  all.loaded = true;
  return all;
}

void ColumnArchive::operator()(std::string const& name, std::string& text) {
  auto& all = texts(name);
  if (!loads()) {
    all.all.push_back(text);
    return;
  }
  MINFOLD_REQUIRE(all.next < all.all.size(), "the snapshot has ", all.all.size(), " texts of ",
                  name, ", and more are needed");
  text = all.all[all.next++];
}

void ColumnArchive::operator()(std::string const& name, std::vector<std::string>& texts) {
  auto count = std::int32_t(texts.size());
  (*this)(name + "/count", count);
  if (loads()) {
    texts.clear();
    for (std::int32_t i = 0; i < count; ++i) (*this)(name + "/text", texts.emplace_back());
  } else {
    this->texts(name + "/text");  // there even where no row has one
    for (auto& text : texts) (*this)(name + "/text", text);
  }
}

void ColumnArchive::finish() {
  if (loads()) return;
  for (auto& [name, column] : texts_) archive_(name, column.all);
}

}  // namespace minfold
