// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_IMPL_ARRAY_POOL_HPP
#define MINFOLD_CORE_IMPL_ARRAY_POOL_HPP

#include <minfold/core/concepts.hpp>
#include <minfold/core/runtime.hpp>

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

namespace minfold::impl {

/// Arrays larger than this are allocated and freed each time: what works on them takes far longer than
/// that, and nobody wants them kept.
inline constexpr std::size_t largest_pooled_bytes = std::size_t(256) << 20;

/// Arrays of one execution-space instance that nobody uses at the moment, for those who ask next.
///
/// An array is lent as a View of its first rows and counts as lent for as long as any copy of that View
/// lives: nobody gives anything back. It may be lent again while work on the instance still uses it: what
/// the next one launches on the same instance comes after that work.
template <ExecutionSpace E>
class ArrayPool {
 public:
  explicit ArrayPool(E const& space) : space_(space) {}
  ArrayPool(ArrayPool const&) = delete;
  ArrayPool& operator=(ArrayPool const&) = delete;

  /// The pool that this host thread uses for the instance; null: none.
  static ArrayPool* of(E const& space) {
    for (auto pool = used_.rbegin(); pool != used_.rend(); ++pool)
      if ((*pool)->space_ == space) return *pool;
    return nullptr;
  }
  static void begin_use(ArrayPool& pool) { used_.push_back(&pool); }
  static void end_use(ArrayPool& pool) {
    for (auto place = used_.end(); place != used_.begin();)
      if (*--place == &pool) {
        used_.erase(place);
        return;
      }
  }

  /// An array of these extents, its contents whatever they are. `fresh(extents)` makes one.
  /// Requires: V is managed and LayoutRight.
  template <class V, class Fresh>
  V take(std::array<std::size_t, V::rank()> const& extents, Fresh const& fresh) {
    std::size_t bytes = sizeof(typename V::value_type);
    for (auto const extent : extents) bytes *= extent;
    if (bytes == 0 || bytes > largest_pooled_bytes) return fresh(extents);
    auto& arrays = shelf<V>();
    V* best = nullptr;
    V* small = nullptr;  // of this shape but for its rows, and in nobody's hands
    for (auto& array : arrays) {
      if (array.use_count() != 1 || !same_rows(array, extents)) continue;
      V*& found = array.extent(0) >= extents[0] ? best : small;
      if (!found || array.extent(0) < found->extent(0)) found = &array;
    }
    if (!best) {
      // Batches grow and shrink: the larger array takes the place of the smaller one.
      if (small) *small = V();
      best = small ? small : &arrays.emplace_back();
      *best = fresh(extents);
    }
    return first_rows(*best, extents[0], std::make_index_sequence<V::rank() - 1>());
  }

  std::size_t bytes() const {
    std::size_t total = 0;
    for (auto const& [type, shelf] : shelves_) total += shelf->bytes();
    return total;
  }
  /// Frees the arrays that are in nobody's hands.
  void release() {
    for (auto const& [type, shelf] : shelves_) shelf->release();
  }

 private:
  struct Shelf {
    virtual ~Shelf() = default;
    virtual std::size_t bytes() const = 0;
    virtual void release() = 0;
  };
  template <class V>
  struct ShelfOf : Shelf {
    std::vector<V> arrays;
    std::size_t bytes() const override {
      std::size_t total = 0;
      for (auto const& array : arrays) total += array.size() * sizeof(typename V::value_type);
      return total;
    }
    void release() override {
      std::erase_if(arrays, [](V const& array) { return array.use_count() == 1; });
    }
  };

  template <class V>
  std::vector<V>& shelf() {
    auto& shelf = shelves_[std::type_index(typeid(V))];
    if (!shelf) shelf = std::make_unique<ShelfOf<V>>();
    return static_cast<ShelfOf<V>&>(*shelf).arrays;
  }

  template <class V>
  static bool same_rows(V const& array, std::array<std::size_t, V::rank()> const& extents) {
    for (std::size_t r = 1; r < V::rank(); ++r)
      if (array.extent(r) != extents[r]) return false;
    return true;
  }

  template <class V, std::size_t... I>
  static V first_rows(V const& array, std::size_t rows, std::index_sequence<I...>) {
    return Kokkos::subview(array, std::pair<std::size_t, std::size_t>(0, rows),
                           (void(I), Kokkos::ALL)...);
  }

  inline static thread_local std::vector<ArrayPool*> used_;

  E space_;
  std::map<std::type_index, std::unique_ptr<Shelf>> shelves_;
};

template <class V>
inline constexpr bool poolable =
    V::rank() >= 1 && std::is_same_v<typename V::array_layout, Kokkos::LayoutRight> &&
    !V::traits::memory_traits::is_unmanaged;

/// An array of the house: uninitialised, on `space`, from the Workspace that is in use for it if any.
/// Refused where Kokkos does not run.
template <class V, ExecutionSpace E, std::convertible_to<std::size_t>... N>
V make_array(E const& space, char const* label, N... extents) {
  static_assert(sizeof...(N) == V::rank() && poolable<V>);
  require_kokkos(label);
  auto const fresh = [&](std::array<std::size_t, V::rank()> const& n) {
    auto const properties =
        Kokkos::view_alloc(space, Kokkos::WithoutInitializing, std::string(label));
    return std::apply([&](auto... extent) { return V(properties, extent...); }, n);
  };
  std::array<std::size_t, V::rank()> const wanted{std::size_t(extents)...};
  if (auto* const pool = ArrayPool<E>::of(space)) return pool->template take<V>(wanted, fresh);
  return fresh(wanted);
}

}  // namespace minfold::impl

#endif
