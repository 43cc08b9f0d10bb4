// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_TEAM_KERNEL_HPP
#define MINFOLD_KERNELS_IMPL_TEAM_KERNEL_HPP

#include <minfold/kernels/impl/factor_job.hpp>

namespace minfold::impl {

/// kernel_and_pinv for one item by one team of any space: the method of PackedKernel with collectives.
/// Vectors are rows of n contiguous numbers. Every function is called by all threads and ends with a
/// barrier.
template <class T, ExecutionSpace E>
struct TeamKernel {
  static constexpr int probes = 3;

  FactorJob<T, E> job;
  Vectors<T const, E> sketch;
  Vectors<T, E> work;     ///< (items, size)
  Vectors<int, E> order;  ///< (items, n): the smallest pivots

  /// Numbers of workspace an item.
  static long size(int n) { return 2L * n * n + (5L * (probes + 1) + 2) * n; }

  using Team = TeamMember<E>;

  struct Item {
    T const* a;
    T *l, *q, *y, *save, *r, *z, *line, *overlap;
    T inverse;
    int n, k;
  };

  /// L of A / scale + mu I in place, the diagonal inverted; pivots before the square root to it.line.
  /// One that is not above `least` counts as infinite.
  KOKKOS_FUNCTION void factor(Team const& team, Item const& it, T shift) const {
    int const n = it.n;
    team_for(team, n * n, [&](int t) {
      int const i = t / n, j = t % n;
      if (j <= i) it.l[t] = it.a[t] * it.inverse + (i == j ? shift : T(0));
    });
    team.team_barrier();
    for (int j = 0; j < n; ++j) {
      T const d = it.l[long(j) * n + j];
      T const inverse = d > T(0.125) * shift ? T(1) / Kokkos::sqrt(d) : T(0);
      team.team_barrier();
      team_for(team, n - j, [&](int t) {
        T& entry = it.l[long(j + t) * n + j];
        entry = t == 0 ? inverse : entry * inverse;
        if (t == 0) it.line[j] = d;
      });
      team.team_barrier();
      int const rest = n - j - 1;
      Kokkos::parallel_for(Kokkos::TeamThreadRange(team, rest), [&](int row) {
        int const i = j + 1 + row;
        T const factor = it.l[long(i) * n + j];
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, row + 1), [&](int t) {
          it.l[long(i) * n + j + 1 + t] -= factor * it.l[long(j + 1 + t) * n + j];
        });
      });
      team.team_barrier();
    }
  }

  /// x := L^-1 x, or L^-T x, for `width` vectors.
  KOKKOS_FUNCTION void solve(Team const& team, Item const& it, bool transposed, T* x,
                             int width) const {
    int const n = it.n;
    for (int step = 0; step < n; ++step) {
      int const j = transposed ? n - 1 - step : step, rest = n - 1 - step;
      team_for(team, width, [&](int c) { x[long(c) * n + j] *= it.l[long(j) * n + j]; });
      team.team_barrier();
      team_for(team, width * rest, [&](int t) {
        int const c = t / rest, i = transposed ? t % rest : j + 1 + t % rest;
        T const entry = transposed ? it.l[long(j) * n + i] : it.l[long(i) * n + j];
        x[long(c) * n + i] -= entry * x[long(c) * n + j];
      });
      team.team_barrier();
    }
  }

  /// y := A x / scale
  KOKKOS_FUNCTION void multiply(Team const& team, Item const& it, T const* x, T* y,
                                int width) const {
    int const n = it.n;
    for (int c = 0; c < width; ++c)
      Kokkos::parallel_for(Kokkos::TeamThreadRange(team, n), [&](int i) {
        T sum = 0;
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, n),
            [&](int j, T& part) {
              T const entry = j <= i ? it.a[long(i) * n + j] : it.a[long(j) * n + i];
              part += entry * it.inverse * x[long(c) * n + j];
            },
            sum);
        Kokkos::single(Kokkos::PerThread(team), [&] { y[long(c) * n + i] = sum; });
      });
    team.team_barrier();
  }

  KOKKOS_FUNCTION T dot(Team const& team, int n, T const* x, T const* y) const {
    return team_sum(team, n, [&](int i) { return x[i] * y[i]; });
  }
  KOKKOS_FUNCTION T norm(Team const& team, int n, T const* x) const {
    return Kokkos::sqrt(dot(team, n, x, x));
  }

  /// x := x - Q Q^T x; returns ||Q^T x||.
  KOKKOS_FUNCTION T project_out(Team const& team, Item const& it, T* x) const {
    T removed = 0;
    for (int j = 0; j < it.k; ++j) {
      T const overlap = dot(team, it.n, it.q + long(j) * it.n, x);
      removed += overlap * overlap;
      team.team_barrier();
      Kokkos::single(Kokkos::PerTeam(team), [&] { it.overlap[j] = overlap; });
    }
    team.team_barrier();
    team_for(team, it.n, [&](int i) {
      T sum = 0;
      for (int j = 0; j < it.k; ++j) sum += it.q[long(j) * it.n + i] * it.overlap[j];
      x[i] -= sum;
    });
    team.team_barrier();
    return Kokkos::sqrt(removed);
  }

  KOKKOS_FUNCTION void scale_to_unit(Team const& team, int n, T* x) const {
    T const size = norm(team, n, x), inverse = size > T(0) ? T(1) / size : T(0);
    team.team_barrier();
    team_for(team, n, [&](int i) { x[i] *= inverse; });
    team.team_barrier();
  }

  KOKKOS_FUNCTION T estimate_norm(Team const& team, Item const& it) const {
    int const n = it.n;
    int pivot = 0;
    for (int i = 1; i < n; ++i)
      if (it.a[long(i) * n + i] > it.a[long(pivot) * n + pivot]) pivot = i;
    team_for(team, n, [&](int i) {
      it.y[i] = (i <= pivot ? it.a[long(pivot) * n + i] : it.a[long(i) * n + pivot]) * it.inverse;
    });
    team.team_barrier();
    T before = norm(team, n, it.y), largest = before;
    T *x = it.y, *y = it.r;
    for (int step = 0; step < 2; ++step) {
      multiply(team, it, x, y, 1);
      T const size = norm(team, n, y);
      if (!(size / before <= largest)) largest = size / before;
      before = size;
      T* const keep = x;
      x = y;
      y = keep;
    }
    team.team_barrier();
    return largest;
  }

  /// order(item, :) := the indices that inverse iteration starts at, smallest pivots first; returns how
  /// many.
  KOKKOS_FUNCTION int choose_start(Team const& team, Item const& it, int item, T threshold,
                                   T& smallest) const {
    int small = 0;
    smallest = it.line[0];
    for (int i = 0; i < it.n; ++i) {
      if (!(it.line[i] >= smallest)) smallest = it.line[i];
      small += it.line[i] <= threshold;
    }
    if (smallest != smallest) return 0;
    int const width = start_width<T>(small, it.n);
    team.team_barrier();
    // The place of a pivot is the number of those before it.
    team_for(team, it.n, [&](int i) {
      T const p = it.line[i];
      int place = 0;
      for (int j = 0; j < it.n; ++j) place += it.line[j] < p || (it.line[j] == p && j < i);
      if (place < width) order(item, place) = i;
    });
    team.team_barrier();
    return width;
  }

  KOKKOS_FUNCTION void find_kernel(Team const& team, Item& it, int item,
                                   FactorFindings<T>& f) const {
    int const n = it.n;
    factor(team, it, factor_shift<T>(n) * f.norm);
    int const width = choose_start(team, it, item, job.kernel_tolerance * f.norm, f.smallest_pivot);
    team_for(team, width * n, [&](int t) { it.q[t] = t % n == order(item, t / n) ? T(1) : T(0); });
    team.team_barrier();
    solve(team, it, true, it.q, width);
    for (int step = 0; step < iteration_steps<T>; ++step) {
      solve(team, it, false, it.q, width);
      solve(team, it, true, it.q, width);
    }
    // Gram-Schmidt, every vector projected twice; what loses nearly all of itself is dependent.
    it.k = 0;
    for (int c = 0; c < width; ++c) {
      T* const x = it.q + long(c) * n;
      scale_to_unit(team, n, x);
      project_out(team, it, x);
      T const left = dot(team, n, x, x);
      if (!(left > dependent_pivot<T>)) continue;
      scale_to_unit(team, n, x);
      project_out(team, it, x);
      scale_to_unit(team, n, x);
      T* const to = it.q + long(it.k) * n;
      if (to != x) team_for(team, n, [&](int i) { to[i] = x[i]; });
      team.team_barrier();
      ++it.k;
    }
    f.dimension = it.k;
    T worst = 0, all = 0, lowest = 0, off = 0;
    for (int j = 0; j < it.k; ++j) {
      T const* const q = it.q + long(j) * n;
      multiply(team, it, q, it.r, 1);
      T const square = dot(team, n, it.r, it.r), quotient = dot(team, n, it.r, q);
      all += square;
      if (!(square <= worst)) worst = square;
      if (!(quotient >= lowest)) lowest = quotient;
      for (int i = 0; i <= j; ++i) {
        T const e = Kokkos::abs(dot(team, n, it.q + long(i) * n, q) - (i == j ? T(1) : T(0)));
        if (!(e <= off)) off = e;
      }
      team.team_barrier();
    }
    f.residual = Kokkos::sqrt(worst);
    f.dropped = Kokkos::sqrt(all);
    f.most_negative = lowest;
    f.orthogonality = off;
  }

  /// z := A^+ P y with one step of refinement, for `width` vectors of y of which the first `first` are
  /// probes: these are only iterated. r := A z. save := P y.
  KOKKOS_FUNCTION void solve_twice(Team const& team, Item const& it, int first, int width,
                                   T* outside) const {
    int const n = it.n;
    for (int c = 0; c < width; ++c) {
      T const removed = project_out(team, it, it.y + long(c) * n);
      if (c >= first) *outside = removed;
    }
    team_for(team, width * n, [&](int t) { it.save[t] = it.y[t]; });
    team.team_barrier();
    for (int round = 0; round < 2; ++round) {
      solve(team, it, false, it.y, width);
      solve(team, it, true, it.y, width);
      for (int c = 0; c < width; ++c) project_out(team, it, it.y + long(c) * n);
      team_for(team, width * n,
               [&](int t) { it.z[t] = round == 0 || t / n < first ? it.y[t] : it.z[t] + it.y[t]; });
      team.team_barrier();
      multiply(team, it, it.z, it.r, width);
      if (round == 1) return;
      for (int c = 0; c < width; ++c) {
        T* const y = it.y + long(c) * n;
        if (c < first) {
          scale_to_unit(team, n, y);
        } else {
          team_for(team, n,
                   [&](int i) { y[i] = it.save[long(c) * n + i] - it.r[long(c) * n + i]; });
          team.team_barrier();
          project_out(team, it, y);
        }
      }
    }
  }

  KOKKOS_FUNCTION void operator()(Team const& team, int item) const {
    int const n = job.order(), columns = job.columns();
    Item it;
    it.n = n;
    it.k = 0;
    it.a = &job.matrix(item, 0, 0);
    T* next = &work(item, 0);
    auto const take = [&](long count) {
      T* const start = next;
      next += count;
      return start;
    };
    it.l = take(long(n) * n);
    it.q = take(long(n) * n);
    it.y = take(long(probes + 1) * n);
    it.save = take(long(probes + 1) * n);
    it.r = take(long(probes + 1) * n);
    it.z = take(long(probes + 1) * n);
    it.line = take(n);
    it.overlap = take(n);
    FactorFindings<T> f;
    T const most = team_max(team, n, [&](int i) { return it.a[long(i) * n + i]; });
    f.scale = power_of_two_below(most);
    it.inverse = T(1) / f.scale;
    f.norm = estimate_norm(team, it);
    bool clear = Kokkos::isfinite(f.norm) && f.norm > T(0);
    if (clear) find_kernel(team, it, item, f);
    KernelRecord<T> record;
    for (int c = 0; clear && (c == 0 || c < columns); ++c) {
      int const first = c == 0 ? probes : 0, width = first + (columns > 0 ? 1 : 0);
      SolveFindings<T> s;
      T* const rhs = it.y + long(first) * n;
      if (columns > 0) {
        T const size = team_max(team, n, [&](int i) { return Kokkos::abs(job.b(item, c, i)); });
        s.rhs_scale = power_of_two_below(size);
        T const inverse = T(1) / s.rhs_scale;
        team.team_barrier();
        team_for(team, n, [&](int i) { rhs[i] = job.b(item, c, i) * inverse; });
        team.team_barrier();
        s.rhs = norm(team, n, rhs);
      }
      team_for(team, first * n, [&](int t) { it.y[t] = sketch(t / n, t % n); });
      team.team_barrier();
      solve_twice(team, it, first, width, &s.outside);
      if (c == 0) {
        f.smallest_kept = Kokkos::Experimental::infinity_v<T>;
        for (int p = 0; p < probes; ++p) {
          T const* const z = it.z + long(p) * n;
          T const quotient = dot(team, n, z, it.r + long(p) * n) / dot(team, n, z, z);
          if (!(quotient >= f.smallest_kept)) f.smallest_kept = quotient;
        }
        clear = judge_factor(f, n, job.kernel_tolerance, job.minimum_gap, record);
      }
      if (columns == 0) break;
      T const *const z = it.z + long(first) * n, *const r = it.r + long(first) * n,
                     *const b = it.save + long(first) * n;
      s.inside = norm(team, n, b);
      s.solution = norm(team, n, z);
      s.error =
          Kokkos::sqrt(team_sum(team, n, [&](int i) { return (r[i] - b[i]) * (r[i] - b[i]); }));
      clear = store_solution(team, job, item, c, s, f, [&](int i) { return z[i]; }) && clear;
      team.team_barrier();
    }
    team.team_barrier();
    if (clear)
      store_basis(team, job, item, record, [&](int j, int i) { return it.q[long(j) * n + i]; });
    Kokkos::single(Kokkos::PerTeam(team), [&] { job.undecided(item) = clear ? 0 : 1; });
  }
};

template <std::floating_point T, ExecutionSpace E>
void factor_team(E const& space, FactorJob<T, E> const& job) {
  int const items = job.items(), n = job.order();
  using Kernel = TeamKernel<T, E>;
  auto const probes = factor_sketch<T>(space, Kernel::probes, n, job.seed);
  auto const work =
      make_array<Vectors<T, E>>(space, "minfold::kernel_and_pinv::work", items, Kernel::size(n));
  for_each_item("minfold::kernel_and_pinv::team", space, items, n,
                Kernel{job, probes, work,
                       make_vectors<int>(space, "minfold::kernel_and_pinv::order", items, n)});
}

template <std::floating_point T, ExecutionSpace E>
std::size_t factor_team_bytes(std::size_t items, int n) {
  using Kernel = TeamKernel<T, E>;
  return factor_sketch_bytes<T>(Kernel::probes, n) + array_bytes<T>(items * Kernel::size(n)) +
         array_bytes<int>(items * n);
}

}  // namespace minfold::impl

#endif
