// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_STATE_ARCHIVE_HPP
#define MINFOLD_DRIVERS_STATE_ARCHIVE_HPP

#include <minfold/core/batch.hpp>
#include <minfold/drivers/snapshot.hpp>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace minfold {

class ColumnArchive;

/// Visits the state of an object, to save it in a snapshot or to load it from one. A class has one function
/// that names its members to an archive, for both directions, so that the two cannot drift apart:
///     void archive(StateArchive& a, E const& space) { a("inner", inner_); a.view(space, "w", w_); }
///
/// Errors: std::invalid_argument with a sentence for a name that a snapshot does not have, or has with
/// another type or shape. Contents are not judged: a snapshot is to be trusted.
class StateArchive {
 public:
  static StateArchive saving(Snapshot& to) { return {&to, nullptr}; }
  static StateArchive loading(Snapshot const& from) { return {nullptr, &from}; }

  bool loads() const { return from_ != nullptr; }

  /// While this lives names begin with `name` and '/'.
  class Group {
   public:
    Group(StateArchive& archive, std::string const& name)
        : archive_(archive), before_(archive.prefix_) {
      archive_.prefix_ += name + "/";
    }
    ~Group() { archive_.prefix_ = before_; }
    Group(Group const&) = delete;
    Group& operator=(Group const&) = delete;

   private:
    StateArchive& archive_;
    std::string before_;
  };
  Group group(std::string const& name) { return Group(*this, name); }

  /// Numbers, flags and enumerators.
  template <class N>
    requires(std::is_arithmetic_v<N> || std::is_enum_v<N>)
  void operator()(std::string const& name, N& value) {
    auto stored = to_stored(value);
    raw(name, type_of<decltype(stored)>(), sizeof(stored), {}, &stored);
    if (loads()) value = static_cast<N>(stored);
  }
  void operator()(std::string const& name, std::string& text);
  void operator()(std::string const& name, std::vector<std::string>& texts);
  template <class N>
    requires(std::is_arithmetic_v<N>)
  void operator()(std::string const& name, std::vector<N>& values) {
    if (loads()) values.resize(length_of(name));
    raw(name, type_of<N>(), sizeof(N), {std::int64_t(values.size())}, values.data());
  }
  /// Structs without pointers, byte for byte.
  template <class R>
    requires(std::is_class_v<R> && std::is_trivially_copyable_v<R>)
  void bytes(std::string const& name, std::vector<R>& records) {
    if (loads()) records.resize(length_of(name));
    raw(name, SnapshotType::record, sizeof(R), {std::int64_t(records.size())}, records.data());
  }

  /// Structs that say by `visit_members(archive, struct)` what they hold: an array for each member, a row each.
  template <class R>
  void rows(std::string const& name, std::vector<R>& records);
  template <class R>
  void row(std::string const& name, R& record) {
    std::vector<R> one(1);
    if (!loads()) one[0] = record;
    rows(name, one);
    MINFOLD_REQUIRE(one.size() == 1, "the snapshot has ", one.size(), " rows of ", prefix_, name,
                    ", expected 1");
    if (loads()) record = one[0];
  }

  /// A view that has its shape already. Waits for `space`.
  template <ExecutionSpace E, class V>
  void view(E const& space, std::string const& name, V const& v) {
    using T = typename V::value_type;
    constexpr auto type = [] {
      if constexpr (std::is_arithmetic_v<T>)
        return type_of<T>();
      else
        return SnapshotType::record;
    }();
    static_assert(std::is_trivially_copyable_v<T>);
    MINFOLD_REQUIRE(v.span_is_contiguous(), "only a contiguous view can be archived, ", name,
                    " is none");
    std::byte* const bytes = place(name, type, sizeof(T), shape_of(v));
    if (v.size() == 0) return;
    using Host = Kokkos::View<T*, Kokkos::LayoutRight, Kokkos::HostSpace,
                              Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
    using Flat = Kokkos::View<T*, Kokkos::LayoutRight, typename V::memory_space,
                              Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
    Host const host(reinterpret_cast<T*>(bytes), v.size());
    Flat const flat(v.data(), v.size());
    if (loads())
      Kokkos::deep_copy(space, flat, host);
    else
      Kokkos::deep_copy(space, host, flat);
    space.fence("minfold::state_archive::view");
  }
  /// A view whose shape belongs to the state: made anew when loading.
  template <ExecutionSpace E, class V>
  void sized_view(E const& space, std::string const& name, V& v) {
    if (loads()) {
      auto const shape = shape_in_snapshot(name, V::rank());
      bool empty = true;
      for (auto const extent : shape) empty = empty && extent == 0;
      auto const properties = Kokkos::view_alloc(space, Kokkos::WithoutInitializing,
                                                 std::string("minfold::state_archive::view"));
      if (empty)
        v = V{};
      else if constexpr (V::rank() == 1)
        v = V(properties, shape[0]);
      else if constexpr (V::rank() == 2)
        v = V(properties, shape[0], shape[1]);
      else
        v = V(properties, shape[0], shape[1], shape[2]);
    }
    view(space, name, v);
  }

 private:
  friend class ColumnArchive;
  using Shape = std::vector<std::int64_t>;

  StateArchive(Snapshot* to, Snapshot const* from) : to_(to), from_(from) {}

  template <class N>
  static auto to_stored(N value) {
    if constexpr (std::is_floating_point_v<N> || std::is_same_v<N, std::int64_t> ||
                  std::is_same_v<N, std::uint64_t>)
      return value;
    else if constexpr (std::is_enum_v<N> || sizeof(N) <= 4)
      return static_cast<std::int32_t>(value);
    else
      return static_cast<std::int64_t>(value);
  }
  template <class N>
  static constexpr SnapshotType type_of() {
    if constexpr (std::is_same_v<N, double>)
      return SnapshotType::float64;
    else if constexpr (std::is_same_v<N, float>)
      return SnapshotType::float32;
    else if constexpr (std::is_same_v<N, std::uint64_t>)
      return SnapshotType::uint64;
    else if constexpr (sizeof(N) == 8)
      return SnapshotType::int64;
    else {
      static_assert(sizeof(N) == 4 && std::is_integral_v<N>);
      return SnapshotType::int32;
    }
  }
  template <class V>
  static Shape shape_of(V const& v) {
    Shape shape(V::rank());
    for (std::size_t d = 0; d < shape.size(); ++d) shape[d] = std::int64_t(v.extent(d));
    return shape;
  }

  /// Where the bytes of an entry are: room for them when saving, what is there when loading. Only read then.
  std::byte* place(std::string const& name, SnapshotType type, std::size_t size,
                   Shape const& shape);
  void raw(std::string const& name, SnapshotType type, std::size_t size, Shape const& shape,
           void* data);
  SnapshotEntry const& find(std::string const& name) const;
  std::size_t length_of(std::string const& name) const;
  Shape shape_in_snapshot(std::string const& name, std::size_t rank) const;

  Snapshot* to_ = nullptr;
  Snapshot const* from_ = nullptr;
  std::string prefix_;
};

/// The columns of StateArchive::rows: what `visit_members` sees of one row.
class ColumnArchive {
 public:
  ColumnArchive(StateArchive& archive, std::size_t rows) : archive_(archive), rows_(rows) {}

  bool loads() const { return archive_.loads(); }
  void start(std::size_t row) { row_ = row; }
  /// Once all rows were visited.
  void finish();

  template <class N>
    requires(std::is_arithmetic_v<N> || std::is_enum_v<N>)
  void operator()(std::string const& name, N& value) {
    auto stored = StateArchive::to_stored(value);
    auto& column = columns_[name];
    if (!column)
      column = archive_.place(name, StateArchive::type_of<decltype(stored)>(), sizeof(stored),
                              {std::int64_t(rows_)});
    auto* const here = column + row_ * sizeof(stored);
    if (loads()) {
      std::memcpy(&stored, here, sizeof(stored));
      value = static_cast<N>(stored);
    } else {
      std::memcpy(here, &stored, sizeof(stored));
    }
  }
  void operator()(std::string const& name, std::string& text);
  void operator()(std::string const& name, std::vector<std::string>& texts);

 private:
  struct Texts {
    std::vector<std::string> all;
    std::size_t next = 0;
    bool loaded = false;
  };
  Texts& texts(std::string const& name);

  StateArchive& archive_;
  std::size_t rows_, row_ = 0;
  std::map<std::string, std::byte*> columns_;
  std::map<std::string, Texts> texts_;
};

template <class R>
void StateArchive::rows(std::string const& name, std::vector<R>& records) {
  Group const in(*this, name);
  auto count = std::int64_t(records.size());
  (*this)("count", count);
  if (loads()) {
    MINFOLD_REQUIRE(count >= 0 && count < (std::int64_t(1) << 32), "the snapshot has ", count,
                    " rows of ", prefix_);
    // Each row has a number in every column, so that this bounds what a wrong count can allocate.
    std::int64_t longest = 0;
    for (auto it = from_->entries.lower_bound(prefix_);
         it != from_->entries.end() && it->first.compare(0, prefix_.size(), prefix_) == 0; ++it)
      longest = std::max(longest, it->second.elements());
    MINFOLD_REQUIRE(count <= longest || count == 0, "the snapshot says that there are ", count,
                    " rows of ", prefix_, ", and has ", longest);
    records.assign(std::size_t(count), R{});
  }
  ColumnArchive columns(*this, std::size_t(count));
  for (std::size_t r = 0; r < records.size(); ++r) {
    columns.start(r);
    visit_members(columns, records[r]);
  }
  columns.finish();
}

}  // namespace minfold

#endif
