// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_CANDIDATES_IMPL_HPP
#define MINFOLD_DRIVERS_IMPL_CANDIDATES_IMPL_HPP

#include <minfold/drivers/candidates.hpp>
#include <minfold/kernels/impl/sketch.hpp>

#include <utility>

namespace minfold::impl {

enum class Origin { langevin, walk, restart };

/// How candidate c >= tracked is made. Rotated by the iteration, so that few candidates still see all
/// kinds.
KOKKOS_INLINE_FUNCTION Origin origin(int c, int tracked, int iteration) {
  if (tracked == 0) return Origin::restart;
  int const kind = (c - tracked + iteration) % 3;
  return kind == 0 ? Origin::restart : (kind == 1 ? Origin::langevin : Origin::walk);
}

/// Rows [first, first + count) of a LayoutRight view, without a copy.
template <class V>
auto rows(V const& v, int first, int count) {
  return Kokkos::subview(v, std::pair(first, first + count), Kokkos::ALL);
}

/// norm(target) := lower bound of ||H|| at candidate 0, by two power iterations.
template <class T, ExecutionSpace E>
Scalars<T, E> hessian_norms(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x,
                            Vectors<T const, E> y, std::uint64_t seed) {
  int const targets = problem.batch_size(), n = problem.dim_y();
  auto const v = make_blocks<T>(space, "minfold::candidates::probe", targets, 1, n);
  auto const hv = make_blocks<T>(space, "minfold::candidates::product", targets, 1, n);
  auto const norms = make_scalars<T>(space, "minfold::candidates::norms", targets);
  fill_sketch(space, v, seed, Stream::probe, 0, {});
  for (int power = 0; power < 2; ++power) {
    problem.lower_hessian(space, x, y, v, hv);
    for_each_item(
        "minfold::candidates::power", space, targets, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int target) {
          T const before = team_norm(team, n, Kokkos::subview(v, target, 0, Kokkos::ALL));
          T const after = team_norm(team, n, Kokkos::subview(hv, target, 0, Kokkos::ALL));
          T const norm = before > T(0) && Kokkos::isfinite(after) ? after / before : T(0);
          team.team_barrier();
          team_for(team, n, [&](int i) {
            v(target, 0, i) = after > T(0) ? hv(target, 0, i) / after : T(0);
          });
          Kokkos::single(Kokkos::PerTeam(team), [&] { norms(target) = norm; });
        });
  }
  return norms;
}

}  // namespace minfold::impl

namespace minfold {

template <class T, ExecutionSpace E>
void make_candidates(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x,
                     Vectors<T, E> y, int tracked, std::uint64_t seed, int iteration,
                     CandidateOptions<T> const& options) {
  int const items = int(y.extent(0)), n = int(y.extent(1)), targets = problem.batch_size();
  int const kept = tracked * targets, fresh = items - kept;
  if (fresh <= 0) return;
  auto const column = std::uint32_t(iteration);
  Vectors<T, E> const new_rows = impl::rows(y, kept, fresh);
  problem.random_lower(space, {seed, Stream::restart, std::uint32_t(kept), 0, column}, new_rows);
  if (tracked == 0 || options.count <= 1) return;

  T const length = problem.length_scale();
  Vectors<T const, E> const best = impl::rows(y, 0, targets);
  auto const norms = impl::hessian_norms<T, E>(space, problem, x, best, seed);
  // Langevin chains start at the tracked point, walks take a tangential Gaussian step from it.
  Kokkos::parallel_for(
      "minfold::candidates::start",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {kept, 0}, {items, n}),
      KOKKOS_LAMBDA(int item, int i) {
        auto const kind = impl::origin(item / targets, tracked, iteration);
        if (kind != impl::Origin::restart) y(item, i) = y(item % targets, i);
      });
  auto const gradient = make_vectors<T>(space, "minfold::candidates::gradient", items, n);
  for (int step = 0; step < options.langevin_steps; ++step) {
    problem.lower_gradient(space, x, y, gradient);
    T const h = options.langevin_step, temperature = options.temperature;
    std::uint32_t const draw = column * std::uint32_t(options.langevin_steps) + std::uint32_t(step);
    Kokkos::parallel_for(
        "minfold::candidates::langevin",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {kept, 0}, {items, n}),
        KOKKOS_LAMBDA(int item, int i) {
          T const norm = norms(item % targets);
          if (impl::origin(item / targets, tracked, iteration) != impl::Origin::langevin ||
              !(norm > T(0)))
            return;
          Place const place{seed, Stream::langevin, std::uint32_t(item), std::uint32_t(i), draw};
          // y - h grad g + sqrt(2 h eps) xi with h = step / ||H||, eps = temperature ||H|| length^2.
          T const kick = Kokkos::sqrt(T(2) * h * temperature) * length;
          // A far excursion would leave the region where h is a stable step: bound the drift.
          T const drift = (h / norm) * gradient(item, i);
          T const bounded = Kokkos::max(-length, Kokkos::min(length, drift));
          y(item, i) += kick * T(normal(place)) - bounded;
        });
  }
  // All targets and candidates in one solve: P_ker xi at the tracked points. Only walks use it.
  int const walks = items / targets;
  auto const rhs = make_blocks<T>(space, "minfold::candidates::walk", targets, walks, n);
  auto const range = make_blocks<T>(space, "minfold::candidates::range_part", targets, walks, n);
  auto const tangential =
      make_blocks<T>(space, "minfold::candidates::tangential", targets, walks, n);
  auto const records =
      make_scalars<SolveRecord<T>>(space, "minfold::candidates::solves", targets * walks);
  Kokkos::parallel_for(
      "minfold::candidates::directions",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {targets, walks, n}),
      KOKKOS_LAMBDA(int target, int c, int i) {
        Place const place{seed, Stream::walk, std::uint32_t(c * targets + target), std::uint32_t(i),
                          column};
        bool const used = c >= tracked && impl::origin(c, tracked, iteration) == impl::Origin::walk;
        rhs(target, c, i) = used ? T(normal(place)) : T(0);
      });
  // A rough projection is enough: the lower solve follows.
  pinv_cgls(space, LowerHessian<T, E>{&problem, x, best}, rhs, range, tangential, records,
            {.relative_tolerance = T(1e-3), .max_iterations = 50, .max_restarts = 0});
  T const walk = options.walk * length;
  Kokkos::parallel_for(
      "minfold::candidates::walk",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {kept, 0}, {items, n}),
      KOKKOS_LAMBDA(int item, int i) {
        int const c = item / targets;
        if (impl::origin(c, tracked, iteration) == impl::Origin::walk)
          y(item, i) += walk * tangential(item % targets, c, i);
      });
}

}  // namespace minfold

#endif
