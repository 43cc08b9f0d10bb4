// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_TANGENT_PROJECTOR_HPP
#define MINFOLD_DRIVERS_IMPL_TANGENT_PROJECTOR_HPP

#include <minfold/drivers/impl/tangent_basis.hpp>
#include <minfold/drivers/problem.hpp>

namespace minfold::impl {

/// Whether projections are products with vectors, and not solves.
inline bool has_vectors(Representation r) {
  return r != Representation::implicit && r != Representation::automatic;
}

/// P_ker for vectors (items, 1, n), in place, through what the tangent space holds: the shorter of kernel
/// and range where both are there.
template <class T, ExecutionSpace E>
struct TangentProjector {
  bool complement = false;    ///< rows span range H: P = I - R^T R; else ker H: P = Q^T Q
  Blocks<T, E> rows;          ///< (items, width, n), zero beyond what an item has
  Blocks<T, E> coefficients;  ///< (items, 1, width)

  void operator()(E const& space, Vectors<T, E> const& v) const {
    auto const block = as_block(v);
    // The complement twice: the second pass removes what rounding left of the first.
    for (int pass = 0; pass < (complement ? 2 : 1); ++pass) {
      batched_gemm(space, Transpose::no, Transpose::yes, T(1), block, rows, T(0), coefficients);
      batched_gemm(space, Transpose::no, Transpose::no, complement ? T(-1) : T(1), coefficients,
                   rows, complement ? T(1) : T(0), block);
    }
  }
};

/// Requires has_vectors(t.representation).
template <class T, ExecutionSpace E>
TangentProjector<T, E> tangent_projector(E const& space, TangentSpace<T, E> const& t,
                                         KernelDimensions const& found, int items, int n) {
  TangentProjector<T, E> p;
  int const k = std::max(found.largest, 0), rank = n - found.smallest;
  p.complement = t.representation == Representation::range_basis ||
                 (t.representation == Representation::spectral && rank < k);
  int const width = std::max(p.complement ? rank : k, 1);
  p.coefficients =
      make_blocks<T>(space, "minfold::tangent_projector::coefficients", items, 1, width);
  if (!p.complement) {
    p.rows = explicit_kernel(space, t, items, n, width).vectors;
    return p;
  }
  p.rows = make_blocks<T>(space, "minfold::tangent_projector::rows", items, width, n);
  auto const rows = p.rows;
  auto const records = t.records;
  bool const spectral = t.representation == Representation::spectral;
  auto const from = spectral ? t.spectral.vectors : t.basis.vectors;
  auto const first = t.spectral.first;
  Kokkos::parallel_for(
      "minfold::tangent_projector::range",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, width, n}),
      KOKKOS_LAMBDA(int item, int j, int i) {
        auto const& r = records(item);
        bool const used = decided(r) && j < n - r.dimension;
        int const row = spectral && used && j >= first(item) ? j + r.dimension : j;
        rows(item, j, i) = used ? from(item, row, i) : T(0);
      });
  return p;
}

/// The Hessian of f on S as an operator on tangent vectors, P_ker (d2f/dy2 - d3g/dy3[lambda]), in the form
/// that impl::run_bulk asks for: image := P_ker (...) operand.
template <class T, ExecutionSpace E>
struct LagrangianProduct {
  E space;
  AnyProblem<T, E> const* problem;
  Vectors<T const, E> x, y, lambda;
  TangentProjector<T, E> project;
  Vectors<T, E> operand, image, third;
  /// Project the operand too, in place: P A P is symmetric whatever rounding has left outside of ker H.
  bool symmetric = false;

  LagrangianProduct(E const& space_, AnyProblem<T, E> const& problem_, Vectors<T const, E> x_,
                    Vectors<T const, E> y_, Vectors<T const, E> lambda_,
                    TangentProjector<T, E> const& project_)
      : space(space_),
        problem(&problem_),
        x(x_),
        y(y_),
        lambda(lambda_),
        project(project_),
        operand(vectors("minfold::lagrangian::operand")),
        image(vectors("minfold::lagrangian::image")),
        third(vectors("minfold::lagrangian::third")) {}

  void operator()() const {
    if (symmetric) project(space, operand);
    Vectors<T const, E> const in = operand;
    problem->upper_hessian(space, x, y, block_of(in), block_of(image));
    problem->third_product(space, x, y, lambda, block_of(in), block_of(third));
    subtract_third();
    project(space, image);
  }

  // Public because nvcc does not allow extended lambdas in private members.
  void subtract_third() const {
    auto const to = image, from = third;
    Kokkos::parallel_for(
        "minfold::lagrangian::subtract",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0},
                                                  {int(to.extent(0)), int(to.extent(1))}),
        KOKKOS_LAMBDA(int item, int i) { to(item, i) -= from(item, i); });
  }

 private:
  Vectors<T, E> vectors(char const* label) const {
    return make_vectors<T>(space, label, int(y.extent(0)), int(y.extent(1)));
  }
  template <class U>
  static Blocks<U, E> block_of(Vectors<U, E> const& v) {
    return Blocks<U, E>(v.data(), v.extent(0), 1, v.extent(1));
  }
};

}  // namespace minfold::impl

#endif
