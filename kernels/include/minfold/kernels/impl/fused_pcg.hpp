// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_FUSED_PCG_HPP
#define MINFOLD_KERNELS_IMPL_FUSED_PCG_HPP

#include <minfold/kernels/impl/pcg_step.hpp>

/// Preconditioned CG with a whole solve in one launch, on hosts: the vectors, one half of H and U stay in
/// the cache of the thread.
namespace minfold::impl {

/// y := r + sum_j c_j u_j^T r u_j in one pass over the rows u_j, j < rank, of U.
template <class T, class Coefficient>
void shrink_along_rows(int n, int rank, T const* u, T const* r, T* y,
                       Coefficient const& coefficient) {
  constexpr int w = lanes<T>, rows = rows_at_once<T>;
  int const whole = n / w * w, rest = n - whole;
  std::memcpy(y, r, std::size_t(n) * sizeof(T));
  for (int j0 = 0; j0 < rank; j0 += rows) {
    // Rows beyond the last are the last again, times 0.
    T const* row[rows];
    Pack<T> sum[rows];
#pragma GCC unroll 8
    for (int k = 0; k < rows; ++k) {
      row[k] = u + long(j0 + k < rank ? j0 + k : rank - 1) * n;
      sum[k] = Pack<T>{};
    }
    for (int i = 0; i < whole; i += w) {
      Pack<T> const ri = load_pack(r + i);
#pragma GCC unroll 8
      for (int k = 0; k < rows; ++k) sum[k] += load_pack(row[k] + i) * ri;
    }
    if (rest > 0) {
      Pack<T> const ri = load_some(r + whole, rest);
      for (int k = 0; k < rows; ++k) sum[k] += load_some(row[k] + whole, rest) * ri;
    }
    Pack<T> c[rows];
    for (int k = 0; k < rows; ++k)
      c[k] = broadcast(j0 + k < rank ? coefficient(j0 + k) * sum_of_lanes<T>(sum[k]) : T(0));
    for (int i = 0; i < whole; i += w) {
      Pack<T> even = load_pack(y + i), odd{};
#pragma GCC unroll 8
      for (int k = 0; k < rows; ++k) (k % 2 ? odd : even) += c[k] * load_pack(row[k] + i);
      store_pack<T>(y + i, even + odd);
    }
    for (int i = whole; i < n; ++i)
      for (int k = 0; k < rows; ++k) y[i] += c[k][0] * row[k][i];
  }
}

/// A step of run_fused: that of PcgStep and the preconditioner behind it.
template <class T, class Step>
struct FusedPcg {
  Step s;

  KOKKOS_FUNCTION bool running(int item, int c) const { return s.running(item, c); }

  template <class Team>
  KOKKOS_FUNCTION void begin(Team const& team, int item, int c) const {
    s.begin(team, item, c);
    direct(team, item, c);
  }
  template <class Team>
  KOKKOS_FUNCTION void step(Team const& team, int item, int c) const {
    s.step(team, item, c);
    direct(team, item, c);
  }

 private:
  template <class Team>
  KOKKOS_FUNCTION void direct(Team const& team, int item, int c) const {
    if (s.states(item * s.columns + c).next == PcgState<T>::Next::nothing) return;
    KOKKOS_IF_ON_HOST((precondition(item, c);))
    s.direct(team, item, c);
  }

  void precondition(int item, int c) const {
    auto const& record = s.approximation.records(item);
    auto const values = s.approximation.values;
    shrink_along_rows<T>(s.n, record.rank, matrix_rows(s.approximation.basis.vectors, item),
                         &s.residual(item, c, 0), &s.preconditioned(item, c, 0),
                         [&](int j) { return record.smallest / values(item, j) - T(1); });
  }
};

}  // namespace minfold::impl

#endif
