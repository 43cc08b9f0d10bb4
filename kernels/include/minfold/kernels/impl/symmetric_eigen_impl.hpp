// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_SYMMETRIC_EIGEN_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_SYMMETRIC_EIGEN_IMPL_HPP

#include <minfold/core/blas.hpp>
#include <minfold/kernels/impl/restore_orthogonality.hpp>
#include <minfold/kernels/symmetric_eigen.hpp>

#include <lapacke.h>

namespace minfold::impl {

/// Order from which LAPACK is faster than Jacobi on one host core.
inline constexpr int lapack_order = 12;

inline int syevd(int n, double* a, double* w, double* work, int lwork, int* iwork, int liwork) {
  return LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'U', n, a, n, w, work, lwork, iwork, liwork);
}
inline int syevd(int n, float* a, float* w, float* work, int lwork, int* iwork, int liwork) {
  return LAPACKE_ssyevd_work(LAPACK_COL_MAJOR, 'V', 'U', n, a, n, w, work, lwork, iwork, liwork);
}

/// Symmetrizes, scales by a power of two so that nothing over- or underflows, and says whether
/// all entries are finite. Returns the scale.
template <class Team, class M>
KOKKOS_INLINE_FUNCTION auto prepare(Team const& team, int n, M const& m, bool& finite) {
  using T = typename M::value_type;
  // Halves are added, not halved sums: the sum of two large entries may overflow.
  T const largest = team_max(team, n * n, [&](int t) {
    return Kokkos::abs(T(0.5) * m(t / n, t % n) + T(0.5) * m(t % n, t / n));
  });
  finite = Kokkos::isfinite(largest);
  T const scale = power_of_two_below(largest);
  team.team_barrier();
  team_for(team, n * n, [&](int t) {
    int const i = t / n, j = t % n;
    if (i > j) return;
    T const mean = finite ? T(0.5) * (m(i, j) / scale) + T(0.5) * (m(j, i) / scale) : T(0);
    m(i, j) = mean;
    m(j, i) = mean;
  });
  team.team_barrier();
  return scale;
}

/// Annihilates m(p, q) by a rotation of rows and columns p and q; rotates rows p and q of v. The
/// larger diagonal entry goes to p: kept in order, cyclic Jacobi is quadratic also for clusters of
/// eigenvalues, where the small-angle rotation was seen to gain only a factor of three a sweep.
template <class Team, class M, class V>
KOKKOS_INLINE_FUNCTION void rotate(Team const& team, int n, M const& m, V const& v, int p, int q) {
  using T = typename M::value_type;
  T const apq = m(p, q);
  if (apq == T(0)) return;
  T const theta = (m(q, q) - m(p, p)) / (T(2) * apq);
  T const t =
      (theta >= T(0) ? T(1) : T(-1)) / (Kokkos::abs(theta) + Kokkos::sqrt(theta * theta + T(1)));
  T const c = T(1) / Kokkos::sqrt(t * t + T(1)), s = t * c;
  bool const swap = m(p, p) < m(q, q);
  T const first = m(p, p) - t * apq, second = m(q, q) + t * apq;
  T const app = swap ? second : first, aqq = swap ? first : second;
  // (c, -s; s, c) or, with its rows exchanged, (s, c; c, -s).
  T const pp = swap ? s : c, pq = swap ? c : -s, qp = swap ? c : s, qq = swap ? -s : c;
  team.team_barrier();
  team_for(team, n, [&](int i) {
    if (i != p && i != q) {
      T const aip = m(i, p), aiq = m(i, q);
      m(i, p) = m(p, i) = pp * aip + pq * aiq;
      m(i, q) = m(q, i) = qp * aip + qq * aiq;
    }
    T const vp = v(p, i), vq = v(q, i);
    v(p, i) = pp * vp + pq * vq;
    v(q, i) = qp * vp + qq * vq;
  });
  Kokkos::single(Kokkos::PerTeam(team), [&] {
    m(p, p) = app;
    m(q, q) = aqq;
    m(p, q) = m(q, p) = T(0);
  });
  team.team_barrier();
}

/// Cyclic Jacobi: v rows are the eigenvectors. Returns the sweeps used, limit + 1 if not converged.
template <class Team, class M, class V>
KOKKOS_INLINE_FUNCTION int jacobi(Team const& team, int n, M const& m, V const& v, int limit) {
  using T = typename M::value_type;
  team_for(team, n * n, [&](int t) { v(t / n, t % n) = t / n == t % n ? T(1) : T(0); });
  team.team_barrier();
  T const frobenius = team_sum(team, n * n, [&](int t) {
    T const e = m(t / n, t % n);
    return e * e;
  });
  for (int sweep = 0; sweep <= limit; ++sweep) {
    T const off = team_sum(team, n * n, [&](int t) {
      T const e = t / n == t % n ? T(0) : m(t / n, t % n);
      return e * e;
    });
    // Quadratic convergence: below eps ||A|| the next sweep would change nothing that counts.
    if (!(off > epsilon<T> * epsilon<T> * frobenius)) return sweep;
    for (int p = 0; p < n; ++p)
      for (int q = p + 1; q < n; ++q) rotate(team, n, m, v, p, q);
  }
  return limit + 1;
}

/// Selection sort of (w, rows of v): n^2 comparisons beside the O(n^3) already spent.
template <class Team, class W, class V>
KOKKOS_INLINE_FUNCTION void sort_ascending(Team const& team, int n, W const& w, V const& v) {
  using T = typename V::value_type;
  for (int i = 0; i < n; ++i) {
    int smallest = i;
    for (int j = i + 1; j < n; ++j)
      if (w(j) < w(smallest)) smallest = j;
    team.team_barrier();
    if (smallest == i) continue;
    team_for(team, n, [&](int l) {
      T const keep = v(i, l);
      v(i, l) = v(smallest, l);
      v(smallest, l) = keep;
    });
    Kokkos::single(Kokkos::PerTeam(team), [&] {
      T const keep = w(i);
      w(i) = w(smallest);
      w(smallest) = keep;
    });
    team.team_barrier();
  }
}

template <ExecutionSpace E, class A, class W, class Records>
void eigen_by_jacobi(E const& space, A const& a, W const& w, Records const& records, int sweeps) {
  using T = typename A::value_type;
  int const n = int(a.extent(1));
  auto const v = make_blocks<T>(space, "minfold::symmetric_eigen::vectors", int(a.extent(0)), n, n);
  for_each_item(
      "minfold::symmetric_eigen::jacobi", space, int(a.extent(0)), n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto const m = Kokkos::subview(a, item, Kokkos::ALL, Kokkos::ALL);
        auto const vi = Kokkos::subview(v, item, Kokkos::ALL, Kokkos::ALL);
        auto const wi = Kokkos::subview(w, item, Kokkos::ALL);
        bool finite = true;
        T const scale = prepare(team, n, m, finite);
        int const used = jacobi(team, n, m, vi, sweeps);
        team_for(team, n, [&](int i) { wi(i) = m(i, i); });
        team.team_barrier();
        sort_ascending(team, n, wi, vi);
        team.team_barrier();
        T const norm = n == 0
                           ? T(0)
                           : (Kokkos::abs(wi(0)) > Kokkos::abs(wi(n - 1)) ? Kokkos::abs(wi(0))
                                                                          : Kokkos::abs(wi(n - 1)));
        team.team_barrier();
        // The norm may exceed the largest number where no entry does.
        finite = finite && Kokkos::isfinite(norm * scale);
        team_for(team, n, [&](int i) { wi(i) = finite ? wi(i) * scale : T(0); });
        team_for(team, n * n, [&](int t) { m(t / n, t % n) = finite ? vi(t / n, t % n) : T(0); });
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          records(item) = {!finite         ? Outcome::not_finite
                           : used > sweeps ? Outcome::iteration_limit
                                           : Outcome::converged,
                           used, finite ? norm * scale : T(0), T(0)};
        });
      });
}

/// Numbers and integers of work that eigen_of_item takes.
inline int eigen_numbers(int n) {
  return n + 1 + 6 * n + 2 * n * n;
}
inline int eigen_integers(int n) {
  return 3 + 5 * n;
}

/// symmetric_eigen of one matrix on a host by LAPACK.
template <class Team, class M, class W>
auto eigen_of_item(Team const& team, M const& m, W const& w, typename M::value_type* numbers,
                   int* integers) {
  using T = typename M::value_type;
  int const n = int(m.extent(0));
  bool finite = true;
  T const scale = prepare(team, n, m, finite);
  SequentialBlas const sequential;
  // Row-major A = column-major A^T = A; column j of the result is row j of ours.
  int info =
      syevd(n, &m(0, 0), numbers, numbers + n, eigen_numbers(n) - n, integers, eigen_integers(n));
  T const largest = std::max(std::abs(numbers[0]), std::abs(numbers[n - 1]));
  // The norm may exceed the largest number where no entry does.
  finite = finite && std::isfinite(largest * scale);
  for (int i = 0; i < n; ++i) w(i) = finite ? numbers[i] * scale : T(0);
  if (!finite)
    for (int t = 0; t < n * n; ++t) m(t / n, t % n) = T(0);
  T const norm = finite ? largest * scale : T(0);
  if (finite && info == 0 && !restore_orthogonality(n, &m(0, 0), numbers + n)) info = 1;
  return EigenRecord<T>{!finite     ? Outcome::not_finite
                        : info == 0 ? Outcome::converged
                                    : Outcome::iteration_limit,
                        0, norm, T(0)};
}

template <ExecutionSpace E, class A, class W, class Records>
void eigen_by_lapack(E const& space, A const& a, W const& w, Records const& records) {
  using T = typename A::value_type;
  int const n = int(a.extent(1));
  Kokkos::Experimental::UniqueToken<E> const token(space);
  auto const numbers =
      make_vectors<T>(space, "minfold::symmetric_eigen::work", token.size(), eigen_numbers(n));
  auto const integers = make_vectors<int>(space, "minfold::symmetric_eigen::integers", token.size(),
                                          eigen_integers(n));
  for_each_item("minfold::symmetric_eigen::lapack", space, int(a.extent(0)), n,
                [=](TeamMember<E> const& team, int item) {
                  int const worker = token.acquire();
                  records(item) =
                      eigen_of_item(team, Kokkos::subview(a, item, Kokkos::ALL, Kokkos::ALL),
                                    Kokkos::subview(w, item, Kokkos::ALL), &numbers(worker, 0),
                                    &integers(worker, 0));
                  token.release(worker);
                });
}

/// Bytes that eigen_by_lapack allocates.
template <std::floating_point T>
std::size_t lapack_bytes(std::size_t threads, std::size_t n) {
  return array_bytes<T>(threads * eigen_numbers(int(n))) +
         array_bytes<int>(threads * eigen_integers(int(n)));
}

template <ExecutionSpace E>
bool uses_lapack(EigenMethod method, int n) {
  return runs_on_host<E> &&
         (method == EigenMethod::lapack || (method == EigenMethod::automatic && n >= lapack_order));
}

}  // namespace minfold::impl

namespace minfold {

template <std::floating_point T, ExecutionSpace E>
std::size_t symmetric_eigen_bytes(int items, int n, SymmetricEigenOptions<T> const& options,
                                  E const& space) {
  if (items == 0 || n == 0) return 0;
  std::size_t const matrix = array_bytes<T>(std::size_t(items) * n * n);
  std::size_t const solver = impl::uses_lapack<E>(options.method, n)
                                 ? impl::lapack_bytes<T>(space.concurrency(), n)
                                 : matrix;
  // verify: original and product, which is made when the solver's memory is gone.
  return options.verify ? matrix + std::max(solver, matrix) : solver;
}

template <ExecutionSpace E, class A, class W, class Records>
  requires BatchBlock<A, E> && BatchVector<W, E> && BatchScalar<Records, E>
void symmetric_eigen(E const& space, A const& a, W const& w, Records const& records,
                     SymmetricEigenOptions<typename A::value_type> const& options) {
  using T = typename A::value_type;
  static_assert(std::is_same_v<typename A::array_layout, Kokkos::LayoutRight>,
                "minfold::symmetric_eigen: the matrices are LayoutRight");
  int const items = int(a.extent(0)), n = int(a.extent(1));
  MINFOLD_REQUIRE(int(a.extent(2)) == n, "symmetric_eigen: matrices are ", n, " x ", a.extent(2));
  MINFOLD_REQUIRE(int(w.extent(0)) == items && int(w.extent(1)) == n, "symmetric_eigen: w is ",
                  w.extent(0), " x ", w.extent(1), ", expected ", items, " x ", n);
  MINFOLD_REQUIRE(int(records.extent(0)) == items, "symmetric_eigen: ", items, " items but ",
                  records.extent(0), " records");
  impl::int_product("symmetric_eigen", a.extent(1), "rows", a.extent(2), "columns of a matrix");
  MINFOLD_REQUIRE(!impl::overlap(a, w), "symmetric_eigen: w must not alias the matrices");
  if (n == 0) Kokkos::deep_copy(space, records, EigenRecord<T>{Outcome::converged, 0, T(0), T(0)});
  if (items == 0 || n == 0) return;
  Blocks<T, E> original;
  if (options.verify) {
    original = make_blocks<T>(space, "minfold::symmetric_eigen::original", items, n, n);
    auto const m = original;
    Kokkos::parallel_for(
        "minfold::symmetric_eigen::symmetric_part",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, n, n}),
        KOKKOS_LAMBDA(int item, int i, int j) {
          m(item, i, j) = T(0.5) * a(item, i, j) + T(0.5) * a(item, j, i);
        });
  }
  bool const lapack = impl::uses_lapack<E>(options.method, n);
  MINFOLD_REQUIRE(lapack || options.method != EigenMethod::lapack,
                  "symmetric_eigen: LAPACK works on host spaces only");
  if constexpr (impl::runs_on_host<E>) {
    if (lapack) impl::eigen_by_lapack(space, a, w, records);
  }
  if (!lapack) impl::eigen_by_jacobi(space, a, w, records, options.max_sweeps);
  if (!options.verify) return;

  auto const product = make_blocks<T>(space, "minfold::symmetric_eigen::product", items, n, n);
  batched_gemm(space, Transpose::no, Transpose::no, T(1), a, original, T(0), product);
  for_each_item(
      "minfold::symmetric_eigen::verify", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        T worst = 0;
        for (int j = 0; j < n; ++j) {
          T const error = team_norm(
              team, n, [&](int i) { return product(item, j, i) - w(item, j) * a(item, j, i); });
          if (!(error <= worst)) worst = error;
        }
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          auto& r = records(item);
          if (r.outcome == Outcome::not_finite) return;
          r.residual = r.norm > T(0) ? worst / r.norm : T(0);
        });
      });
}

}  // namespace minfold

#endif
