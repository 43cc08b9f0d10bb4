// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_BATCH_HPP
#define MINFOLD_CORE_BATCH_HPP

#include <minfold/core/concepts.hpp>
#include <minfold/core/impl/array_pool.hpp>
#include <minfold/core/require.hpp>

#include <cstdint>
#include <string>
#include <tuple>

namespace minfold {

/// House layout: item slowest, then vector, then component.
template <class T, ExecutionSpace E>
using Scalars = Kokkos::View<T*, Kokkos::LayoutRight, typename E::memory_space>;
template <class T, ExecutionSpace E>
using Vectors = Kokkos::View<T**, Kokkos::LayoutRight, typename E::memory_space>;
template <class T, ExecutionSpace E>
using Blocks = Kokkos::View<T***, Kokkos::LayoutRight, typename E::memory_space>;

/// Uninitialised arrays on `space`: no hidden fence and no memset. Refused where Kokkos does not run.
/// From the Workspace that this thread uses for `space`, if any: see workspace.hpp.
template <class T, ExecutionSpace E>
Scalars<T, E> make_scalars(E const& space, std::string const& label, int items) {
  return impl::make_array<Scalars<T, E>>(space, label.c_str(), items);
}
template <class T, ExecutionSpace E>
Vectors<T, E> make_vectors(E const& space, std::string const& label, int items, int n) {
  return impl::make_array<Vectors<T, E>>(space, label.c_str(), items, n);
}
template <class T, ExecutionSpace E>
Blocks<T, E> make_blocks(E const& space, std::string const& label, int items, int columns, int n) {
  return impl::make_array<Blocks<T, E>>(space, label.c_str(), items, columns, n);
}

/// Bytes of an array of `count` numbers, as Kokkos allocates them: by eights.
template <class T>
std::size_t array_bytes(std::size_t count) {
  return (sizeof(T) * count + 7) / 8 * 8;
}

/// Unmanaged view of a plain pointer: `items` vectors of `n` components, contiguous, item slowest.
/// Requires: the memory is accessible from E and outlives the view.
template <class T, ExecutionSpace E>
auto batch_vector(E const&, T* pointer, int items, int n) {
  MINFOLD_REQUIRE(items >= 0 && n >= 0, "batch_vector: negative extent (", items, " x ", n, ")");
  MINFOLD_REQUIRE(pointer != nullptr || items == 0 || n == 0, "batch_vector: null pointer");
  return Kokkos::View<T**, Kokkos::LayoutRight, typename E::memory_space,
                      Kokkos::MemoryTraits<Kokkos::Unmanaged>>(pointer, items, n);
}

namespace impl {

/// Whether two Views meet in memory, as far as their ends tell: two columns of one array interleave
/// without meeting.
template <class U, class V>
bool overlap(U const& u, V const& v) {
  if (u.size() == 0 || v.size() == 0) return false;
  auto const first = [](auto const& w) { return reinterpret_cast<std::uintptr_t>(w.data()); };
  auto const last = [](auto const& w) {
    return reinterpret_cast<std::uintptr_t>(w.data() + w.span()) - 1;
  };
  if (first(u) == first(v)) return true;
  auto const within = [](std::uintptr_t place, std::uintptr_t from, std::uintptr_t to) {
    return from <= place && place <= to;
  };
  bool const u_has_end_of_v =
      within(first(v), first(u), last(u)) || within(last(v), first(u), last(u));
  bool const v_has_end_of_u =
      within(first(u), first(v), last(v)) || within(last(u), first(v), last(v));
  return (u.span_is_contiguous() && u_has_end_of_v) || (v.span_is_contiguous() && v_has_end_of_u);
}

/// Whether the View meets the explicit matrices of an operator; of other operators nothing is known.
template <class A, class V>
bool overlaps_matrices(A const& a, V const& v) {
  if constexpr (requires { a.matrix.span(); })
    return overlap(a.matrix, v);
  else
    return false;
}

}  // namespace impl

/// (item, i) seen as (item, 1, i): a block of one vector an item, nothing copied.
/// Requires: v is LayoutRight and contiguous.
template <class V>
auto as_block(V const& v) {
  static_assert(std::is_same_v<typename V::array_layout, Kokkos::LayoutRight>,
                "minfold::as_block needs a LayoutRight view");
  using T = typename V::value_type;
  return Kokkos::View<T***, Kokkos::LayoutRight, typename V::memory_space,
                      Kokkos::MemoryTraits<Kokkos::Unmanaged>>(v.data(), v.extent(0), 1,
                                                               v.extent(1));
}

/// Device copy in the house layout of any (item, i) view; the view itself when it already is one.
template <ExecutionSpace E, BatchVector<E> V>
auto in_house_layout(E const& space, std::string const& label, V const& v) {
  using T = typename V::value_type;
  if constexpr (std::is_same_v<typename V::array_layout, Kokkos::LayoutRight>) {
    return Kokkos::View<T**, Kokkos::LayoutRight, typename V::memory_space>(v);
  } else {
    auto copy =
        make_vectors<std::remove_const_t<T>>(space, label, int(v.extent(0)), int(v.extent(1)));
    Kokkos::deep_copy(space, copy, v);
    return Kokkos::View<T**, Kokkos::LayoutRight, typename E::memory_space>(copy);
  }
}

namespace impl {

/// Whether the elements lie as in the house layout, without gaps.
template <class V>
bool in_house(V const& v) {
  return std::is_same_v<typename V::array_layout, Kokkos::LayoutRight> && v.span_is_contiguous();
}

/// A block that (item, i) or (item, column, i) views fit into.
template <ExecutionSpace E, class V>
Blocks<typename V::non_const_value_type, E> house_copy(E const& space, std::string const& label,
                                                       V const& v) {
  static_assert(V::rank() == 2 || V::rank() == 3);
  return make_blocks<typename V::non_const_value_type>(space, label, int(v.extent(0)),
                                                       V::rank() == 3 ? int(v.extent(1)) : 1,
                                                       int(v.extent(V::rank() - 1)));
}

/// (item, 0, i) of a block for (item, i) views, all of it for others.
template <class V, class Block>
auto house_part(Block const& block) {
  if constexpr (V::rank() == 2)
    return Kokkos::subview(block, Kokkos::ALL, 0, Kokkos::ALL);
  else
    return block;
}

/// v, which lies in the house layout, as a block.
template <class T, ExecutionSpace E, class V>
Blocks<T, E> house_view(V const& v) {
  if constexpr (!std::is_same_v<typename V::array_layout, Kokkos::LayoutRight>)
    return {};
  else if constexpr (V::rank() == 2)
    return as_block(v);
  else
    return v;
}

/// (item, i) or (item, column, i) of any layout and stride as a block to read: itself where it lies in
/// the house layout, else a copy.
template <ExecutionSpace E, class V>
Blocks<typename V::const_value_type, E> house_input(E const& space, std::string const& label,
                                                    V const& v) {
  if (in_house(v)) return house_view<typename V::const_value_type, E>(v);
  auto const copy = house_copy(space, label, v);
  Kokkos::deep_copy(space, house_part<V>(copy), v);
  return copy;
}

/// A block to write in the place of v: v itself where it lies in the house layout, else an array that
/// store_output copies to v.
template <ExecutionSpace E, class V>
Blocks<typename V::non_const_value_type, E> house_output(E const& space, std::string const& label,
                                                         V const& v) {
  if (in_house(v)) return house_view<typename V::non_const_value_type, E>(v);
  return house_copy(space, label, v);
}
template <ExecutionSpace E, class V, class Block>
void store_output(E const& space, Block const& block, V const& v) {
  if (!in_house(v)) Kokkos::deep_copy(space, v, house_part<V>(block));
}

/// An uninitialised array on the host that a view can be copied to and from, from the Workspace too.
template <ExecutionSpace E, class V>
auto host_array(E const& space, V const& view) {
  auto const mirror = [&](auto const&...) {
    return Kokkos::create_mirror(
        Kokkos::view_alloc(Kokkos::HostSpace{}, Kokkos::WithoutInitializing), view);
  };
  using Mirror = decltype(mirror());
  if constexpr (poolable<Mirror>) {
    std::array<std::size_t, Mirror::rank()> extents;
    for (std::size_t r = 0; r < extents.size(); ++r) extents[r] = view.extent(r);
    if (auto* const pool = ArrayPool<E>::of(space))
      return pool->template take<Mirror>(extents, mirror);
  }
  return mirror();
}

}  // namespace impl

/// Host copy of one number or view; waits for `space`, and only for it.
template <ExecutionSpace E, class V>
auto to_host(E const& space, V const& view) {
  auto host = impl::host_array(space, view);
  Kokkos::deep_copy(space, host, view);
  space.fence("minfold::to_host");
  return host;
}

/// Host copies of several views, as a tuple, with one wait for `space`.
template <ExecutionSpace E, class... V>
auto to_host_together(E const& space, V const&... views) {
  auto copies = std::tuple(impl::host_array(space, views)...);
  std::apply([&](auto const&... host) { (Kokkos::deep_copy(space, host, views), ...); }, copies);
  space.fence("minfold::to_host");
  return copies;
}

}  // namespace minfold

#endif
