// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PACKED_CG_HPP
#define MINFOLD_KERNELS_IMPL_PACKED_CG_HPP

#include <minfold/kernels/impl/cg_step.hpp>
#include <minfold/kernels/impl/lane_matrix.hpp>
#include <minfold/kernels/impl/lane_states.hpp>

#include <algorithm>

/// CG on lanes<T> systems at once, one in each lane: no sum across a register, and the matrices, by
/// halves, stay in the cache of their thread for the whole solve. Hosts only.
///
/// The numerics are CgStep's. Restated here is only what most lanes do most of the time: start, go
/// on, form the true residual. A lane that is anything else, by the very conditions of CgStep, is handed
/// to CgStep, which works it alone, on vectors with the stride of a pack. A lane never looks at another:
/// what it gives does not depend on its neighbours.
namespace minfold::impl {

/// Packs that one thread works in; `room`: vectors of the kernel basis.
template <class T>
long packed_cg_packs(int n, int room) {
  return LaneMatrix<T>::size(n) + 5L * LaneMatrix<T>::padded(n) + long(room) * n;
}
template <class T, ExecutionSpace E>
int packed_cg_workers(E const& space, int systems) {
  return std::min((systems + lanes<T> - 1) / lanes<T>, int(space.concurrency()));
}
/// Bytes that packed_cg allocates.
template <class T, ExecutionSpace E>
std::size_t packed_cg_bytes(E const& space, int systems, int n, int room) {
  return array_bytes<int>(1) + array_bytes<T>(std::size_t(packed_cg_workers<T>(space, systems)) *
                                              packed_cg_packs<T>(n, room) * lanes<T>);
}

template <class T, ExecutionSpace E, class Matrix, class B, class Z, class Records>
class PackedCg {
 public:
  using Step = CgStep<T, E, B, LaneWork<T>, Records>;

  PackedCg(E const& space, Matrix const& h, Z const& z, Step const& step)
      : h_(h),
        z_(z),
        step_(step),
        systems_(int(h.extent(0)) * step.columns),
        groups_((systems_ + w - 1) / w),
        room_(step.kernel.vectors.data() && step.options.reprojection != Reprojection::never
                  ? int(step.kernel.vectors.extent(1))
                  : 0),
        workers_(packed_cg_workers<T>(space, systems_)),
        next_(make_scalars<int>(space, "minfold::pinv_cg::next_group", 1)),
        memory_(make_array<decltype(memory_)>(space, "minfold::pinv_cg::lanes",
                                              std::size_t(workers_) * packs() * w)) {
    Kokkos::deep_copy(space, next_, 0);
  }

  int workers() const { return workers_; }

  /// One thread: takes groups of systems until there are none.
  void operator()(int worker) const {
    Pack<T>* memory = reinterpret_cast<Pack<T>*>(memory_.data()) + worker * packs();
    auto const take = [&](long count) {
      auto const at = memory;
      memory += count;
      return at;
    };
    Lanes lanes_of{{take(LaneMatrix<T>::size(n())), n()},
                   {take(padded()), take(padded()), take(padded()), take(padded()), 0},
                   take(padded()),
                   take(long(room_) * n()),
                   step_};
    auto const next_group = [&] { return Kokkos::atomic_fetch_add(&next_(0), 1); };
    for (int group = next_group(); group < groups_;) {
      int const following = next_group();
      bool const fetch = n() <= prefetch_order && following < groups_;
      lanes_of.ahead = following * w;
      lanes_of.ahead_end = fetch ? std::min(lanes_of.ahead + w, systems_) : 0;
      lanes_of.ahead_row = 0;
      solve(lanes_of, group * w);
      group = following;
    }
  }

 private:
  static constexpr int w = lanes<T>;
  using State = CgState<T>;
  using Phase = typename State::Phase;
  using Mask = PackMask<T>;

  struct Lanes {
    LaneMatrix<T> h;
    LaneWork<T> v;
    Pack<T>* rhs;     ///< P b / ||b||
    Pack<T>* kernel;  ///< (j, i), zero where a lane has fewer vectors
    Step step;
    int first = 0, count = 0, dimension = 0;
    int ahead = 0, ahead_end = 0, ahead_row = 0;  ///< systems of the next group, to be fetched
    LaneStates<T> s{};
  };

  Matrix h_;
  Z z_;
  Step step_;
  int systems_, groups_, room_, workers_;
  Scalars<int, E> next_;
  Kokkos::View<T*, Kokkos::LayoutRight, typename E::memory_space> memory_;

  int n() const { return step_.n; }
  int padded() const { return LaneMatrix<T>::padded(n()); }
  long packs() const { return packed_cg_packs<T>(n(), room_); }

  /// Squares whose sum is a norm without more ado: the range of team_norm.
  static Mask safe(Pack<T> square) {
    constexpr T tiny = Kokkos::Experimental::norm_min_v<T> / Kokkos::Experimental::epsilon_v<T>;
    constexpr T huge = Kokkos::Experimental::finite_max_v<T> * Kokkos::Experimental::epsilon_v<T>;
    return (square > broadcast(tiny)) & (square < broadcast(huge));
  }

  template <class F>
  static void for_lanes(Mask mask, F const& f) {
    if (!some<T>(mask)) return;
    for (int l = 0; l < w; ++l)
      if (mask[l]) f(l);
  }
  /// f(step, item, column, state) as CgStep works lane l, which may finish it.
  template <class F>
  void alone(Lanes& g, int l, F const& f) const {
    int const system = g.first + l, item = system / step_.columns, c = system % step_.columns;
    g.v.lane = l;
    g.step.work = g.v;
    State s = g.s.of(l);
    g.step.states(system) = s;
    f(g.step, item, c, s);
    g.s.set(l, g.step.states(system));
    if (g.s.rest[l].phase != Phase::done) return;
    auto const from = g.v.solution(item, c), p = g.v.operand(item, c);
    auto const to = system_vector(z_, item, c);
    for (int i = 0; i < n(); ++i) {
      to(i) = from(i);
      p(i) = T(0);
    }
  }

  /// v := P v in the lanes of the mask; returns the square of what was removed.
  Pack<T> project(Lanes const& g, Mask mask, Pack<T>* v) const {
    Pack<T> removed{};
    for (int pass = 0; pass < 2; ++pass)
      for (int j = 0; j < g.dimension; ++j) {
        Pack<T> const* const k = g.kernel + long(j) * n();
        Pack<T> const overlap = select<T>(mask, lane_dot<T>(n(), k, v), Pack<T>{});
        if (pass == 0) removed += overlap * overlap;
        for (int i = 0; i < n(); ++i) v[i] -= overlap * k[i];
      }
    return removed;
  }

  Pack<T> square(Pack<T> const* v) const { return lane_dot<T>(n(), v, v); }

  void solve(Lanes& g, int first) const {
    g.first = first;
    g.count = systems_ - first < w ? systems_ - first : w;
    load(g);
    begin(g);
    bool started = false;
    for (;;) {
      Mask running = g.s.running;
      if (!some<T>(running)) return;
      fetch_ahead(g);
      g.h.multiply(g.v.p, g.v.q);
      if (!started) running = start(g, running);
      started = true;
      iterate(g, running);
    }
  }

  /// Asks for a few rows of the next group, so that they are near when it is loaded: no more lines at
  /// once than a core waits for without standing still.
  void fetch_ahead(Lanes& g) const {
    constexpr int line = 64 / int(sizeof(T));
    int const columns = step_.columns;
    for (int k = 0; k < (n() + 3) / 4 && g.ahead < g.ahead_end; ++k) {
      T const* const row = matrix_rows(h_, g.ahead / columns) + long(g.ahead_row) * h_.stride(1);
      for (int j = 0; j <= g.ahead_row; j += line) __builtin_prefetch(row + j, 0, 2);
      if (++g.ahead_row < n()) continue;
      g.ahead_row = 0;
      ++g.ahead;
    }
  }

  /// Matrices, kernels and right-hand sides of a group. Lanes without a system have those of the last
  /// one, and are done.
  void load(Lanes& g) const {
    T const* rows[w];
    g.dimension = 0;
    for (int l = 0; l < w; ++l) {
      int const system = g.first + (l < g.count ? l : g.count - 1), item = system / step_.columns,
                c = system % step_.columns;
      rows[l] = matrix_rows(h_, item);
      auto const b = system_vector(step_.b, item, c);
      auto const to = LaneWork<T>{g.v.z, g.v.p, g.v.q, g.v.r, l}.of(g.rhs);
      for (int i = 0; i < n(); ++i) to(i) = b(i);
      if (room_ > 0) g.dimension = std::max(g.dimension, kernel_dimension(step_.kernel, item));
    }
    g.h.fill(rows, long(h_.stride(1)));
    for (int j = 0; j < g.dimension; ++j) {
      T const* vectors[w];
      Pack<T> has{};
      for (int l = 0; l < w; ++l) {
        int const item = (g.first + (l < g.count ? l : g.count - 1)) / step_.columns;
        vectors[l] = matrix_rows(step_.kernel.vectors, item) + long(j) * n();
        has[l] = j < kernel_dimension(step_.kernel, item) ? T(1) : T(0);
      }
      Pack<T>* const to = g.kernel + long(j) * n();
      gather_lanes<T>(n(), vectors, to);
      // What lies beyond the dimension of an item may be anything.
      for (int i = 0; i < n(); ++i) to[i] = select<T>(has > Pack<T>{}, to[i], Pack<T>{});
    }
  }

  /// As CgStep::begin.
  void begin(Lanes& g) const {
    auto& s = g.s;
    auto const [z, p, q, r, lane] = g.v;
    for (int i = 0; i < padded(); ++i) z[i] = p[i] = q[i] = r[i] = Pack<T>{};
    for (int l = 0; l < w; ++l) s.set(l, State{});
    Pack<T> const bb = square(g.rhs);
    Mask usual = safe(bb);
    for (int l = g.count; l < w; ++l) usual[l] = 0;
    s.rhs_norm = square_root(bb);
    for (int i = 0; i < n(); ++i) r[i] = select<T>(usual, g.rhs[i] / s.rhs_norm, Pack<T>{});
    if (g.dimension > 0) s.leakage = square_root(project(g, usual, r));
    Pack<T> const rr = square(r);
    s.projected = s.verified = square_root(rr);
    s.rr = s.best = rr;
    usual &= safe(rr) & ((s.leakage == Pack<T>{}) | (s.projected > broadcast(rounding<T>(n()))));
    for (int i = 0; i < n(); ++i) p[i] = select<T>(usual, r[i], Pack<T>{});
    for (int l = 0; l < g.count; ++l) {
      if (usual[l])
        s.set_phase(l, Phase::first);
      else
        alone(g, l, [](auto& step, int item, int c, State&) { step.begin(host::Team{}, item, c); });
    }
    for (int i = 0; i < n(); ++i) g.rhs[i] = r[i];
  }

  /// The first product gives the scale. Returns the lanes that have yet to use it.
  Mask start(Lanes& g, Mask running) const {
    auto& s = g.s;
    Pack<T> const qq = square(g.v.q);
    Mask const usual = running & safe(qq);
    Pack<T> const norm = square_root(qq) / s.projected;
    for_lanes(usual, [&](int l) {
      s.set_scale(l, power_of_two_below(T(norm[l])));
      s.set_phase(l, Phase::iterate);
    });
    for_lanes(running & ~usual, [&](int l) {
      alone(g, l, [](auto& step, int item, int c, State&) { step.step(host::Team{}, item, c); });
    });
    return usual;
  }

  /// As CgStep::step, for the lanes of the mask.
  void iterate(Lanes& g, Mask running) const {
    auto& s = g.s;
    auto const& o = step_.options;
    auto const [z, p, q, r, lane] = g.v;
    Pack<T> const inverse = s.inverse;
    auto const raw = lane_products<T>(n(), p, q);
    // Scaled after the sums, where CgStep scales each term: they are in the range of numbers with room.
    Pack<T> const qq = inverse * (inverse * raw.a), pq = inverse * raw.b, pp = raw.c;
    Mask const verify = running & s.verifying;
    Mask const wants = running & ~verify;
    Mask const in_range = safe(raw.a) & safe(qq) & safe(pp);
    Mask const grows = wants & in_range & (qq > s.norm * s.norm * pp);
    if (some<T>(grows)) s.norm = select<T>(grows, square_root(qq / pp), s.norm);
    Pack<T> const size = s.norm * pp;
    Mask const usual = wants & in_range & (pq >= broadcast(-o.negative_curvature) * size) &
                       (pq > broadcast(step_.least_curvature()) * size);
    for_lanes(wants & ~usual, [&](int l) {
      alone(g, l, [](auto& step, int item, int c, State&) { step.step(host::Team{}, item, c); });
    });
    if (some<T>(verify)) judge(g, verify, safe(raw.a) & safe(qq));
    if (!some<T>(usual)) return;

    Pack<T> const alpha = select<T>(usual, s.rr / pq, Pack<T>{});
    s.products -= usual;
    s.iterations -= usual;
    s.inverse_sum += alpha * s.p_zero;
    bool const all = every<T>(usual);
    auto const sums = all ? lane_update<T, true>(n(), usual, alpha, alpha * inverse, p, q, z, r)
                          : lane_update<T, false>(n(), usual, alpha, alpha * inverse, p, q, z, r);
    Pack<T> rr = sums.a;
    Pack<T> const zz = sums.b;
    if (o.reprojection == Reprojection::every_iteration && g.dimension > 0) {
      project(g, usual, r);
      rr = square(r);
    }
    // As CgStep::after_update.
    Pack<T> target = broadcast(o.relative_tolerance) * s.projected;
    Pack<T> floor = broadcast(T(0.25) * epsilon<T>) * s.projected;
    if (!step_.knows_kernel())
      floor = select<T>(rr <= broadcast(T(1e-6)) * s.projected * s.projected,
                        broadcast(T(2) * epsilon<T>) * (s.norm * square_root(zz) + broadcast(T(1))),
                        floor);
    target = larger<T>(target, floor);
    Mask goes_on =
        usual & safe(rr) & ~(zz > broadcast(Kokkos::Experimental::finite_max_v<T> * epsilon<T>));
    if (o.smallest_curvature > T(0))
      goes_on &= s.inverse_sum * s.norm * broadcast(o.smallest_curvature) < broadcast(T(0.25));
    Mask const converged = goes_on & (rr <= target * target);
    if (some<T>(converged)) start_verify(g, converged);
    Mask limit{};
    limit += step_.limit;
    Mask const on =
        goes_on & ~converged & (rr <= broadcast(T(1e8)) * s.best) & (s.iterations < limit);
    // A copy for the lambda: what a pointer reaches does not stay in a register.
    Pack<T> const square_of_r = rr;
    for_lanes(usual & ~on & ~converged, [&](int l) {
      alone(g, l, [&](auto& step, int item, int c, State& state) {
        step.after_update(host::Team{}, item, c, state, T(square_of_r[l]));
      });
    });
    if (!some<T>(on)) return;
    Pack<T> const beta = select<T>(on, rr / s.rr, Pack<T>{});
    s.best = select<T>(on & (rr < s.best), rr, s.best);
    s.p_zero = select<T>(on, broadcast(T(1)) + beta * s.p_zero, s.p_zero);
    s.rr = select<T>(on, rr, s.rr);
    if (every<T>(on))
      lane_direction<T, true>(n(), on, beta, r, p);
    else
      lane_direction<T, false>(n(), on, beta, r, p);
  }

  /// As CgStep::start_verify where the iteration says that it has converged.
  void start_verify(Lanes& g, Mask converged) const {
    for (int i = 0; i < n(); ++i) g.v.p[i] = select<T>(converged, g.v.z[i], g.v.p[i]);
    for_lanes(converged, [&](int l) {
      g.s.rest[l].stop = Outcome::converged;
      g.s.set_phase(l, Phase::verify);
    });
  }

  /// As CgStep::judge and finish in the lanes where there is nothing to decide: the iteration says
  /// converged, and so do the recomputed residuals, `inside` range P and in `full`. Returns these lanes.
  Mask accept(Lanes& g, Mask usual, Pack<T> full, Pack<T> inside, Pack<T> zz) const {
    auto& s = g.s;
    auto const [z, p, q, r, lane] = g.v;
    Pack<T> const left = square_root(inside), all = square_root(full);
    Pack<T> const wanted = broadcast(step_.options.relative_tolerance) * s.projected;
    Pack<T> const rounded =
        broadcast(T(8) * epsilon<T>) * (s.norm * square_root(zz) + broadcast(T(1)));
    Pack<T> const hundredth = broadcast(T(0.01)) * s.projected;
    Pack<T> const attainable = select<T>(rounded < hundredth, rounded, hundredth);
    Pack<T> const allowed = larger<T>(wanted, attainable);
    Mask good = usual & (left <= allowed) & (all <= allowed);
    // Another round towards the tolerance is a decision.
    if (step_.knows_kernel()) good &= (left <= wanted) | (left >= broadcast(T(0.25)) * s.verified);
    Mask finite = good;
    Pack<T> const inverse = s.inverse, norm = s.rhs_norm;
    for (int i = 0; i < n(); ++i) {
      // What CgStep divides by a power of two.
      Pack<T> const result = (z[i] * norm) * inverse;
      finite &= magnitude<T>(result) <= broadcast(Kokkos::Experimental::finite_max_v<T>);
      q[i] = select<T>(usual, result, q[i]);
    }
    good = finite;
    for_lanes(good, [&](int l) {
      if (s.rest[l].stop != Outcome::converged) good[l] = 0;
    });
    for_lanes(good, [&](int l) {
      int const system = g.first + l, item = system / step_.columns, c = system % step_.columns;
      auto const to = system_vector(z_, item, c);
      LaneVector<T> const from{reinterpret_cast<T*>(q) + l};
      for (int i = 0; i < n(); ++i) to(i) = from(i);
      step_.records(system) = solve_record(s.of(l), Outcome::converged, T(all[l]));
      s.set_phase(l, Phase::done);
    });
    for (int i = 0; i < n(); ++i) p[i] = select<T>(good, Pack<T>{}, p[i]);
    return good;
  }

  /// As CgStep::verify: p = z, q = A z.
  void judge(Lanes& g, Mask verify, Mask in_range) const {
    auto& s = g.s;
    auto const [z, p, q, r, lane] = g.v;
    for_lanes(verify & ~in_range, [&](int l) {
      alone(g, l, [](auto& step, int item, int c, State&) { step.step(host::Team{}, item, c); });
    });
    Mask const usual = verify & in_range;
    if (!some<T>(usual)) return;
    Pack<T> const inverse = s.inverse;
    for (int i = 0; i < n(); ++i) r[i] = select<T>(usual, g.rhs[i] - inverse * q[i], r[i]);
    Pack<T> const full = square(r);
    if (step_.options.reprojection == Reprojection::every_iteration && g.dimension > 0)
      project(g, usual, r);
    Pack<T> const inside = square(r), zz = square(p);
    Mask const norms = safe(full) & safe(inside) & safe(zz);
    s.products -= usual;
    Mask const accepted = accept(g, usual & norms, full, inside, zz);
    for_lanes(usual & ~accepted, [&](int l) {
      alone(g, l, [&](auto& step, int item, int c, State& state) {
        host::Team const team;
        T true_residual = Kokkos::sqrt(T(inside[l])), z_norm = Kokkos::sqrt(T(zz[l]));
        state.full = Kokkos::sqrt(T(full[l]));
        if (!norms[l]) {
          true_residual = team_norm(team, n(), step.work.residual(item, c));
          z_norm = team_norm(team, n(), step.work.operand(item, c));
          if (!(full[l] > T(0))) state.full = true_residual;
        }
        step.judge(team, item, c, state, true_residual, z_norm);
      });
    });
  }
};

/// pinv_cg by packs.
template <ExecutionSpace E, class Matrix, class B, class Z, class Records, class T>
void packed_cg(E const& space, Matrix const& h, B const& b, Z const& z, Records const& records,
               Scalars<CgState<T>, E> const& states, Basis<T, E> const& kernel,
               PinvCgOptions<T> const& options, int columns, int limit) {
  CgStep<T, E, B, LaneWork<T>, Records> const step{
      b, {}, records, states, kernel, options, int(h.extent(1)), columns, limit};
  PackedCg<T, E, Matrix, B, Z, Records> const solver(space, h, z, step);
  Kokkos::parallel_for(
      "minfold::pinv_cg::packed",
      Kokkos::RangePolicy<E, Kokkos::Schedule<Kokkos::Static>>(space, 0, solver.workers())
          .set_chunk_size(1),
      solver);
}

}  // namespace minfold::impl

#endif
