// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_HYPERGRADIENT_HPP
#define MINFOLD_DRIVERS_HYPERGRADIENT_HPP

#include <minfold/drivers/counted_problem.hpp>
#include <minfold/drivers/impl/smallest_curvature.hpp>
#include <minfold/drivers/refine.hpp>

namespace minfold {

/// Hypergradient and everything its certificate needs, for a batch of selected points.
template <class T, ExecutionSpace E>
struct Hypergradients {
  Vectors<T, E> h;                       ///< (items, dim_x), one a point
  Scalars<T, E> lower_norm, upper_norm;  ///< ||grad_y g||, ||grad_y f||
  Scalars<T, E> tangential_norm;         ///< ||P_ker grad_y f||
  Scalars<T, E> upper_x_norm;            ///< ||grad_x f||
  Scalars<T, E> implicit_norm;           ///< ||G^T v||
  /// ||G^T H^+ u|| for a standard normal u: the size of h where grad_y f is of size one. 0 unless asked for.
  Scalars<T, E> sensitivity;
  /// Smallest eigenvalue of Hess_S f; NaN where it was not looked at. Where k is too large for the matrix, a
  /// lower bound of it, see impl::LanczosStep, and curvature_at_most is an upper one; else that is NaN.
  Scalars<T, E> smallest_curvature, curvature_at_most;
  Scalars<SolveRecord<T>, E> solves;
  Scalars<KernelRecord<T>, E> kernels;
};

/// h = grad_x f - G^T v, v = H^+ (grad_y f - P_ker grad_y f), at points that are critical for f along S.
///
/// Requires  y: (items, dim_y) on S(x).
/// Costs     the tangent space, one solve, one mixed product; with `curvature` 2 k second-order
///           products, or 2 a Lanczos step where k > newton_order; with `sensitivity` one more solve and mixed product. Books the tangent space, the
///           curvature and the sensitivity to Stage::certify.
template <class T, ExecutionSpace E>
Hypergradients<T, E> hypergradients(E const& space, CountedProblem<T, E> const& problem,
                                    Vectors<T const, E> x, Vectors<T const, E> y,
                                    RefineOptions<T> const& options, TangentMemory<T, E>& memory,
                                    bool curvature, bool sensitivity = false) {
  int const items = int(y.extent(0)), n = problem.dim_y(), m = problem.dim_x();
  Hypergradients<T, E> r{
      make_vectors<T>(space, "minfold::hypergradient::h", items, m),
      make_scalars<T>(space, "minfold::hypergradient::lower_norm", items),
      make_scalars<T>(space, "minfold::hypergradient::upper_norm", items),
      make_scalars<T>(space, "minfold::hypergradient::tangential_norm", items),
      make_scalars<T>(space, "minfold::hypergradient::upper_x_norm", items),
      make_scalars<T>(space, "minfold::hypergradient::implicit_norm", items),
      make_scalars<T>(space, "minfold::hypergradient::sensitivity", items),
      make_scalars<T>(space, "minfold::hypergradient::curvature", items),
      make_scalars<T>(space, "minfold::hypergradient::curvature_at_most", items),
      make_scalars<SolveRecord<T>>(space, "minfold::hypergradient::solves", items),
      {}};
  auto const gx = make_vectors<T>(space, "minfold::hypergradient::upper_x", items, m);
  auto const gy = make_vectors<T>(space, "minfold::hypergradient::upper_y", items, n);
  auto const lower = make_vectors<T>(space, "minfold::hypergradient::lower_y", items, n);
  auto const v = make_vectors<T>(space, "minfold::hypergradient::adjoint", items, n);
  auto const tangential = make_vectors<T>(space, "minfold::hypergradient::tangential", items, n);
  LowerHessian<T, E> const hessian{&problem, x, y};
  TangentSpace<T, E> tangent;
  {
    typename CountedProblem<T, E>::Scope const scope(problem, space, Stage::certify);
    tangent = remembered_tangent_space(space, hessian, options.tangent, memory);
    r.kernels = tangent.records;
  }
  {
    typename CountedProblem<T, E>::Scope const scope(problem, space, Stage::differentiate);
    problem.upper_gradient(space, x, y, gx, gy);
    problem.lower_gradient(space, x, y, lower);
    tangent_solve(space, hessian, tangent, as_block(Vectors<T const, E>(gy)), as_block(v),
                  as_block(tangential), r.solves);
    problem.mixed_transpose(space, x, y, v, r.h);
    for_each_item(
        "minfold::hypergradient::combine", space, items, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
          T const x_norm = team_norm(team, m, Kokkos::subview(gx, item, Kokkos::ALL));
          T const implicit = team_norm(team, m, Kokkos::subview(r.h, item, Kokkos::ALL));
          team.team_barrier();
          team_for(team, m, [&](int j) { r.h(item, j) = gx(item, j) - r.h(item, j); });
          T const g_norm = team_norm(team, n, Kokkos::subview(lower, item, Kokkos::ALL));
          T const f_norm = team_norm(team, n, Kokkos::subview(gy, item, Kokkos::ALL));
          T const along = team_norm(team, n, Kokkos::subview(tangential, item, Kokkos::ALL));
          Kokkos::single(Kokkos::PerTeam(team), [&] {
            r.lower_norm(item) = g_norm;
            r.upper_norm(item) = f_norm;
            r.tangential_norm(item) = along;
            r.upper_x_norm(item) = x_norm;
            r.implicit_norm(item) = implicit;
            r.sensitivity(item) = T(0);
            r.smallest_curvature(item) = Kokkos::Experimental::quiet_NaN_v<T>;
            r.curvature_at_most(item) = Kokkos::Experimental::quiet_NaN_v<T>;
          });
        });
  }
  if (sensitivity) {
    typename CountedProblem<T, E>::Scope const scope(problem, space, Stage::certify);
    auto const u = make_blocks<T>(space, "minfold::hypergradient::probe", items, 1, n);
    auto const w = make_vectors<T>(space, "minfold::hypergradient::probe_solution", items, n);
    auto const image = make_vectors<T>(space, "minfold::hypergradient::probe_image", items, m);
    auto const solves =
        make_scalars<SolveRecord<T>>(space, "minfold::hypergradient::probe_solves", items);
    impl::fill_sketch(space, u, 1, Stream::probe, 1, {});
    tangent_solve(space, hessian, tangent, Blocks<T const, E>(u), as_block(w), as_block(lower),
                  solves, T(1e-3));
    problem.mixed_transpose(space, x, y, w, image);
    for_each_item(
        "minfold::hypergradient::sensitivity", space, items, m,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
          T const norm = team_norm(team, m, Kokkos::subview(image, item, Kokkos::ALL));
          Kokkos::single(Kokkos::PerTeam(team), [&] { r.sensitivity(item) = norm; });
        });
  }
  if (!curvature || !problem.has_second_order() || !impl::has_vectors(tangent.representation))
    return r;
  typename CountedProblem<T, E>::Scope const scope(problem, space, Stage::certify);
  auto const found = impl::kernel_dimensions(space, tangent.records, n);
  auto const projector = impl::tangent_projector(space, tangent, found, items, n);
  impl::remember(space, tangent, projector, memory);
  impl::measure_curvature<T, E>(space, problem, x, y, v, tangent, found.largest, projector, options,
                                r.smallest_curvature, r.curvature_at_most);
  return r;
}

}  // namespace minfold

#endif
