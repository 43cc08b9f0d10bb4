// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_OPERATORS_HPP
#define MINFOLD_TESTS_OPERATORS_HPP

#include <minfold/core/dense_operator.hpp>

#include "support/host.hpp"

/// Operators that kernels can only multiply with: nothing tells them that a matrix stands behind.
namespace minfold::test {

/// One product at a time, by a team.
template <class T>
struct ByTeam {
  using scalar_type = T;
  Blocks<T, Space> matrix;

  KOKKOS_FUNCTION int batch_size() const { return int(matrix.extent(0)); }
  KOKKOS_FUNCTION int dim() const { return int(matrix.extent(1)); }
  template <class Team, class X, class Y>
  KOKKOS_FUNCTION void apply(Team const& team, int item, X const& x, Y const& y) const {
    int const n = dim();
    team_for(team, n, [&](int i) {
      T sum = 0;
      for (int j = 0; j < n; ++j) sum += matrix(item, i, j) * x(j);
      y(i) = sum;
    });
  }
};

/// Blocks of products only.
template <class T>
struct InBulk {
  using scalar_type = T;
  Blocks<T, Space> matrix;

  int batch_size() const { return int(matrix.extent(0)); }
  int dim() const { return int(matrix.extent(1)); }
  template <ExecutionSpace E, class X, class Y>
  void apply(E const& space, X const& x, Y const& y) const {
    batched_gemm(space, Transpose::no, Transpose::no, T(1), x, matrix, T(0), y);
  }
};

/// (I - 2 u u^T) D (I - 2 u u^T): known eigenpairs at any order, three passes a product.
template <class T>
struct Reflected {
  using scalar_type = T;
  Vectors<T, Space> diagonal, u;

  KOKKOS_FUNCTION int batch_size() const { return int(u.extent(0)); }
  KOKKOS_FUNCTION int dim() const { return int(u.extent(1)); }
  template <class Team, class X, class Y>
  KOKKOS_FUNCTION void apply(Team const& team, int item, X const& x, Y const& y) const {
    int const n = dim();
    T const ux = team_sum(team, n, [&](int i) { return u(item, i) * x(i); });
    T const udy = team_sum(team, n, [&](int i) {
      return u(item, i) * diagonal(item, i) * (x(i) - T(2) * ux * u(item, i));
    });
    team_for(team, n, [&](int i) {
      y(i) = diagonal(item, i) * (x(i) - T(2) * ux * u(item, i)) - T(2) * udy * u(item, i);
    });
  }
};
/// The reflection is along a unit vector without structure.
template <class T>
Reflected<T> reflected(std::vector<Vec> const& diagonals) {
  std::vector<Vec> units;
  for (std::size_t item = 0; item < diagonals.size(); ++item) {
    auto const v = normals(99, int(item), int(diagonals[item].size()));
    units.push_back(times(1 / norm(v), v));
  }
  return {to_vectors<T>(diagonals), to_vectors<T>(units)};
}

}  // namespace minfold::test

#endif
