// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_SMALLEST_CURVATURE_HPP
#define MINFOLD_DRIVERS_IMPL_SMALLEST_CURVATURE_HPP

#include <minfold/drivers/impl/truncated_newton.hpp>
#include <minfold/drivers/refine.hpp>

namespace minfold::impl {

/// Smallest eigenvalue of Hess_S f: of the k x k matrix up to newton_order, else bounds by Lanczos.
/// Left alone where the dimension of the kernel is not known. k: the largest of them.
template <class T, ExecutionSpace E>
void measure_curvature(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x,
                       Vectors<T const, E> y, Vectors<T const, E> lambda,
                       TangentSpace<T, E> const& tangent, int k,
                       TangentProjector<T, E> const& projector, RefineOptions<T> const& options,
                       Scalars<T, E> const& smallest, Scalars<T, E> const& at_most) {
  int const items = int(y.extent(0)), n = int(y.extent(1));
  auto const kernels = tangent.records;
  if (k < 0) return;
  if (k > options.newton_order) {
    LagrangianProduct<T, E> const product(space, problem, x, y, lambda, projector);
    auto const states = make_scalars<LanczosState<T>>(space, "minfold::curvature::lanczos", items);
    int const room = lanczos_room(items, n, k, options.curvature_steps);
    Kokkos::parallel_for(
        "minfold::curvature::start", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item) {
          LanczosState<T> s;
          s.running = decided(kernels(item));
          s.limit = Kokkos::min(room, kernels(item).dimension);
          states(item) = s;
        });
    run_lanczos<T, E>(space, product, states, room, T(0.5), T(0));
    Kokkos::parallel_for(
        "minfold::curvature::bounds", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item) {
          if (!decided(kernels(item))) return;
          auto const& s = states(item);
          if (kernels(item).dimension == 0) {
            smallest(item) = Kokkos::Experimental::infinity_v<T>;
          } else if (s.steps > 0 && Kokkos::isfinite(s.ritz)) {
            smallest(item) = s.ritz < T(0) ? s.ritz : s.lower;
            at_most(item) = s.ritz;
          }
        });
    return;
  }
  auto const q = explicit_kernel(space, tangent, items, n, std::max(k, 1));
  int const room = int(q.vectors.extent(1));
  auto const matrix = make_blocks<T>(space, "minfold::curvature::hessian", items, room, room);
  auto const values = make_vectors<T>(space, "minfold::curvature::values", items, room);
  auto const eigen = make_scalars<EigenRecord<T>>(space, "minfold::curvature::eigen", items);
  riemannian_hessian<T, E>(space, problem, x, y, lambda, q, matrix);
  symmetric_eigen(space, matrix, values, eigen, {.verify = false});
  Kokkos::parallel_for(
      "minfold::curvature::smallest", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item) {
        if (!decided(kernels(item))) return;
        // An isolated point (k = 0) has no direction in which it could be degenerate.
        if (q.dimension(item) == 0)
          smallest(item) = Kokkos::Experimental::infinity_v<T>;
        else if (eigen(item).outcome == Outcome::converged)
          smallest(item) = values(item, 0);
      });
}

}  // namespace minfold::impl

#endif
