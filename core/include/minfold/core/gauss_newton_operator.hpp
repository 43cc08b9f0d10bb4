// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_GAUSS_NEWTON_OPERATOR_HPP
#define MINFOLD_CORE_GAUSS_NEWTON_OPERATOR_HPP

#include <minfold/core/lifted_operator.hpp>
#include <minfold/core/wide_blas.hpp>

namespace minfold {

/// J^T J of each item from jacobian(item, rows, n), never formed: Y = (X J^T) J.
///
/// Costs     4 rows n flops a vector, and two passes over J a block: blocks of vectors share them.
///           One block (items, columns, rows) allocated for each product.
template <class Jacobian>
struct GaussNewtonOperator {
  using scalar_type = std::remove_const_t<typename Jacobian::value_type>;
  static_assert(Jacobian::rank() == 3,
                "minfold::GaussNewtonOperator: the Jacobian is (item, rows, n)");
  static_assert(std::is_same_v<typename Jacobian::array_layout, Kokkos::LayoutRight>,
                "minfold::GaussNewtonOperator: the Jacobian is LayoutRight");

  Jacobian jacobian;

  explicit GaussNewtonOperator(Jacobian j) : jacobian(j) {}

  KOKKOS_FUNCTION int batch_size() const { return int(jacobian.extent(0)); }
  KOKKOS_FUNCTION int dim() const { return int(jacobian.extent(2)); }

  /// See product_bytes.
  template <ExecutionSpace E>
  std::size_t product_bytes(E const&, int columns) const {
    return array_bytes<scalar_type>(std::size_t(batch_size()) * columns * jacobian.extent(1));
  }

  template <ExecutionSpace E, class X, class Y>
    requires(X::rank() == 3)
  void apply(E const& space, X const& x, Y const& y) const {
    using T = scalar_type;
    int const items = batch_size(), columns = int(x.extent(1)), rows = int(jacobian.extent(1)),
              n = dim();
    auto const image =
        make_blocks<T>(space, "minfold::gauss_newton_operator::image", items, columns, rows);
    if constexpr (impl::runs_on_host<E>) {
      // Rows of J are the long side of the result: each task multiplies with some of them.
      constexpr int panel = impl::gemm_panel;
      int const panels = (rows + panel - 1) / panel;
      auto const j = jacobian;
      Kokkos::parallel_for(
          "minfold::gauss_newton_operator::image",
          Kokkos::RangePolicy<E, Kokkos::Schedule<Kokkos::Dynamic>>(space, 0, items * panels)
              .set_chunk_size(1),
          [=](int task) {
            impl::SequentialBlas const sequential;
            int const item = task / panels, first = (task % panels) * panel;
            int const count = std::min(panel, rows - first);
            impl::host_gemm(Transpose::no, Transpose::yes, columns, count, n, T(1), &x(item, 0, 0),
                            int(x.stride(1)), &j(item, first, 0), int(j.stride(1)), T(0),
                            &image(item, 0, first), int(image.stride(1)));
          });
    } else {
      batched_gemm(space, Transpose::no, Transpose::yes, T(1), x, jacobian, T(0), image);
    }
    wide_combine(space, Transpose::no, T(1), image, Leading(jacobian), T(0), Leading(y));
  }
};

}  // namespace minfold

#endif
