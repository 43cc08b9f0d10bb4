// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_DENSE_OPERATOR_HPP
#define MINFOLD_CORE_DENSE_OPERATOR_HPP

#include <minfold/core/blas.hpp>
#include <minfold/core/impl/split_product.hpp>

namespace minfold {

namespace impl {
/// Whether products with a batch of matrices may be worked from the lower halves of contiguous rows.
template <class Matrix, class E>
inline constexpr bool by_halves =
    runs_on_host<E> && std::is_same_v<typename Matrix::array_layout, Kokkos::LayoutRight> &&
    (std::is_same_v<std::remove_const_t<typename Matrix::value_type>, double> ||
     std::is_same_v<std::remove_const_t<typename Matrix::value_type>, float>);
}  // namespace impl

/// A batch of explicit symmetric matrices, matrix(item, n, n). Which of the two triangles is read
/// differs between methods; with NaN in one of them only, so does the outcome.
template <class Matrix>
struct DenseOperator {
  using scalar_type = std::remove_const_t<typename Matrix::value_type>;
  static_assert(Matrix::rank() == 3, "minfold::DenseOperator: the matrix view is (item, n, n)");

  Matrix matrix;

  explicit DenseOperator(Matrix m) : matrix(m) {
    MINFOLD_REQUIRE(m.extent(1) == m.extent(2), "DenseOperator: matrices are ", m.extent(1), " x ",
                    m.extent(2), ", must be square");
  }

  KOKKOS_FUNCTION int batch_size() const { return int(matrix.extent(0)); }
  KOKKOS_FUNCTION int dim() const { return int(matrix.extent(1)); }

  /// See product_bytes.
  template <ExecutionSpace E>
  std::size_t product_bytes(E const&, int columns) const {
    if constexpr (impl::by_halves<Matrix, E>) {
      if (columns <= impl::columns_by_halves)
        return impl::SplitProduct<E, scalar_type>::bytes(batch_size(), columns, dim());
    }
    return 0;
  }

  template <class Team, class X, class Y>
  KOKKOS_FUNCTION void apply(Team const& team, int item, X const& x, Y const& y) const {
    int const n = dim();
    Kokkos::parallel_for(Kokkos::TeamThreadRange(team, n), [&](int i) {
      scalar_type sum = 0;
      Kokkos::parallel_reduce(
          Kokkos::ThreadVectorRange(team, n),
          [&](int j, scalar_type& part) { part += matrix(item, i, j) * x(j); }, sum);
      Kokkos::single(Kokkos::PerThread(team), [&] { y(i) = sum; });
    });
  }

  template <ExecutionSpace E, class X, class Y>
    requires(X::rank() == 3)
  void apply(E const& space, X const& x, Y const& y) const {
    [[maybe_unused]] int const systems =
        impl::int_product("DenseOperator::apply", x.extent(0), "items", x.extent(1), "columns");
    if constexpr (impl::by_halves<Matrix, E>) {
      if (int(x.extent(1)) <= impl::columns_by_halves) {
        impl::SplitProduct<E, scalar_type> const product(space, int(x.extent(0)), int(x.extent(1)),
                                                         dim());
        product(space, matrix, x, y, [](int, int) { return true; });
        return;
      }
    }
    if constexpr (std::is_same_v<typename Matrix::array_layout, Kokkos::LayoutRight>) {
      // X H = (H X^T)^T for symmetric H: rows of X are the vectors.
      batched_gemm(space, Transpose::no, Transpose::no, scalar_type(1), x, matrix, scalar_type(0),
                   y);
    } else {
      auto const self = *this;
      for_each_item(
          "minfold::dense_operator::apply", space, systems, dim(),
          KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
            int const columns = int(x.extent(1)), item = system / columns, c = system % columns;
            self.apply(team, item, Kokkos::subview(x, item, c, Kokkos::ALL),
                       Kokkos::subview(y, item, c, Kokkos::ALL));
          });
    }
  }
};

}  // namespace minfold

#endif
