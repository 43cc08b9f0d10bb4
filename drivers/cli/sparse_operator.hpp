// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_SPARSE_OPERATOR_HPP
#define MINFOLD_CLI_SPARSE_OPERATOR_HPP

#include <minfold/core/batch.hpp>

#include <cstdint>

namespace minfold::cli {

/// One sparse symmetric matrix in compressed rows: row i has the entries row_start(i) to
/// row_start(i + 1). A BulkOperator; sums are added in the order of the entries.
template <class T, ExecutionSpace E>
struct SparseOperator {
  using scalar_type = T;

  Scalars<std::int64_t, E> row_start;
  Scalars<int, E> column;
  Scalars<T, E> values;

  int batch_size() const { return 1; }
  int dim() const { return int(row_start.extent(0)) - 1; }

  /// The products of one row with some columns of X.
  template <class X, class Y>
  struct Rows {
    static constexpr int width = 4;  ///< columns that share a pass over the entries of the row

    Scalars<std::int64_t, E> row_start;
    Scalars<int, E> column;
    Scalars<T, E> values;
    X x;
    Y y;

    KOKKOS_FUNCTION void operator()(int i) const {
      int const columns = int(x.extent(1));
      for (int first = 0; first < columns; first += width) {
        int const count = columns - first < width ? columns - first : width;
        T sum[width] = {};
        for (std::int64_t e = row_start(i); e < row_start(i + 1); ++e)
          for (int c = 0; c < count; ++c) sum[c] += values(e) * x(0, first + c, column(e));
        for (int c = 0; c < count; ++c) y(0, first + c, i) = sum[c];
      }
    }
  };

  template <class X, class Y>
  void apply(E const& space, X const& x, Y const& y) const {
    Kokkos::parallel_for("minfold::cli::sparse_operator", Kokkos::RangePolicy<E>(space, 0, dim()),
                         Rows<X, Y>{row_start, column, values, x, y});
  }
};

}  // namespace minfold::cli

#endif
