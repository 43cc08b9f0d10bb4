// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_COLUMNS_HPP
#define MINFOLD_TESTS_COLUMNS_HPP

#include "support/solve.hpp"

/// Solves with several right-hand sides, and matrices of any order whose pseudo-inverse is known.
namespace minfold::test {

template <class T>
DenseOperator<Blocks<T, Space>> explicit_matrices(std::vector<Vec> const& matrices, int n) {
  return DenseOperator<Blocks<T, Space>>(to_matrices<T>(matrices, n));
}

template <class T>
struct Columns {
  std::vector<std::vector<Vec>> z;  // [item][column]
  std::vector<SolveRecord<T>> records;
};
/// b[item][column]
template <class T>
Columns<T> solve(DenseOperator<Blocks<T, Space>> const& a, std::vector<std::vector<Vec>> const& b,
                 PinvCgOptions<T> const& options, Basis<T, Space> const& basis = {},
                 Space const& space = {}) {
  int const items = int(b.size()), columns = int(b[0].size()), n = a.dim();
  Blocks<T, Space> const rhs("test::b", items, columns, n), z("test::z", items, columns, n);
  auto const host = Kokkos::create_mirror_view(rhs);
  for (int i = 0; i < items; ++i)
    for (int c = 0; c < columns; ++c)
      for (int l = 0; l < n; ++l) host(i, c, l) = T(b[i][c][l]);
  Kokkos::deep_copy(rhs, host);
  Scalars<SolveRecord<T>, Space> const records("test::records", items * columns);
  pinv_cg(space, a, rhs, z, records, options, basis);
  auto const result = test::on_host(z);
  Columns<T> out{{}, test::impl::entries(records)};
  for (int i = 0; i < items; ++i) {
    out.z.emplace_back();
    for (int c = 0; c < columns; ++c) out.z.back().push_back(row(result, i, c));
  }
  return out;
}

/// (I - 2 u u^T) D (I - 2 u u^T), whose pseudo-inverse is known at any order.
struct Mirror {
  int n, k;
  Vec u, d, matrix;

  Mirror(std::uint64_t seed, int order, int kernel, double condition)
      : n(order),
        k(kernel),
        u(normals(seed, 1, order)),
        d(spectrum(seed, order, kernel, condition)),
        matrix(std::size_t(order) * order) {
    u = times(1 / norm(u), u);
    Vec du(n);
    double udu = 0;
    for (int i = 0; i < n; ++i) {
      du[i] = d[i] * u[i];
      udu += u[i] * du[i];
    }
    for (int i = 0; i < n; ++i)
      for (int j = 0; j <= i; ++j)
        matrix[std::size_t(i) * n + j] = matrix[std::size_t(j) * n + i] =
            (i == j ? d[i] : 0) - 2 * (u[i] * du[j] + du[i] * u[j]) + 4 * udu * u[i] * u[j];
  }
  Vec reflect(Vec const& x) const { return minus(x, times(2 * dot(u, x), u)); }
  Vec in_range(int tag) const {
    auto x = normals(7, tag, n);
    for (int i = 0; i < k; ++i) x[i] = 0;
    return reflect(x);
  }
  Vec pseudo_inverse(Vec const& b) const {
    auto x = reflect(b);
    for (int i = 0; i < n; ++i) x[i] = d[i] == 0 ? 0 : x[i] / d[i];
    return reflect(x);
  }
};

}  // namespace minfold::test

#endif
