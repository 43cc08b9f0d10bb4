// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_MDSPAN_HPP
#define MINFOLD_CORE_MDSPAN_HPP

#include <minfold/core/concepts.hpp>
#include <minfold/core/require.hpp>

#include <limits>
#include <version>

#if defined(__cpp_lib_mdspan)
#include <mdspan>
#endif

namespace minfold {

/// What std::mdspan says of itself, with plain pointers to its elements: of whichever library it is.
template <class M>
concept Mdspan = requires(M const& m, std::size_t r) {
  typename M::element_type;
  typename M::layout_type;
  { M::rank() } -> std::convertible_to<std::size_t>;
  { m.data_handle() } -> std::convertible_to<typename M::element_type*>;
  { m.extent(r) } -> std::convertible_to<std::size_t>;
  { m.stride(r) } -> std::convertible_to<std::size_t>;
};

namespace impl {

/// Whether an mdspan is known by its type to be contiguous with the last index fastest.
template <class Layout>
constexpr bool is_layout_right() {
  bool right = false;
#if defined(__cpp_lib_mdspan)
  right = right || std::is_same_v<Layout, std::layout_right>;
#endif
#if defined(KOKKOS_ENABLE_IMPL_MDSPAN)
  right = right || std::is_same_v<Layout, Kokkos::layout_right>;
#endif
  return right;
}

/// T with a * for each index of a View.
template <class T, std::size_t rank>
struct Pointers {
  using type = typename Pointers<T, rank - 1>::type*;
};
template <class T>
struct Pointers<T, 0> {
  using type = T;
};

}  // namespace impl

/// The memory of an mdspan as a View of E's memory, unmanaged: nothing is copied or kept alive.
/// LayoutRight for std::layout_right, which is what every kernel takes; else LayoutStride.
///
/// Requires  rank 1 to 3; memory that E can access and that outlives the View.
template <ExecutionSpace E, Mdspan M>
auto as_view(E const&, M const& m) {
  static_assert(M::rank() >= 1 && M::rank() <= 3, "minfold::as_view: the rank must be 1, 2 or 3");
  using Elements = typename impl::Pointers<typename M::element_type, M::rank()>::type;
  using Unmanaged = Kokkos::MemoryTraits<Kokkos::Unmanaged>;
  std::size_t extents[3] = {0, 0, 0}, strides[3] = {0, 0, 0}, size = 1;
  for (std::size_t r = 0; r < M::rank(); ++r) {
    extents[r] = std::size_t(m.extent(r));
    strides[r] = std::size_t(m.stride(r));
    size *= extents[r];
    MINFOLD_REQUIRE(extents[r] <= std::size_t(std::numeric_limits<int>::max()), "as_view: extent ",
                    r, " is ", extents[r], ", more than an int holds");
  }
  MINFOLD_REQUIRE(m.data_handle() != nullptr || size == 0, "as_view: null pointer");
  if constexpr (impl::is_layout_right<typename M::layout_type>()) {
    Kokkos::LayoutRight layout;
    for (std::size_t r = 0; r < M::rank(); ++r) layout.dimension[r] = extents[r];
    return Kokkos::View<Elements, Kokkos::LayoutRight, typename E::memory_space, Unmanaged>(
        m.data_handle(), layout);
  } else {
    Kokkos::LayoutStride layout;
    for (std::size_t r = 0; r < M::rank(); ++r) {
      layout.dimension[r] = extents[r];
      layout.stride[r] = strides[r];
    }
    return Kokkos::View<Elements, Kokkos::LayoutStride, typename E::memory_space, Unmanaged>(
        m.data_handle(), layout);
  }
}

}  // namespace minfold

#endif
