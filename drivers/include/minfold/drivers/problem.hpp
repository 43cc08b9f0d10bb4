// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_PROBLEM_HPP
#define MINFOLD_DRIVERS_PROBLEM_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>
#include <minfold/core/require.hpp>
#include <minfold/drivers/lower_solve_options.hpp>

#include <memory>
#include <optional>
#include <span>

/// The interface that every method is written against: bulk operations on a batch of lower-level
/// points.
///
/// A problem has `batch_size()` = P *targets*, each with its own lower level; a batch of points Y has
/// a multiple of P rows, and row `item` belongs to target `item % P` (candidate-major: all targets of
/// candidate 0, then of candidate 1, ...). The upper variable is x(row, j): one row shared by all
/// targets, F(x) = sum_i min_y f_i(x, y), or one row a target, P independent problems at once.
namespace minfold {

/// Lipschitz constants of gradients: of f and g in (x, y) together, and of grad_y g in y, ||H||.
struct Smoothness {
  double upper = 0, lower = 0, lower_y = 0;
};

template <class T, ExecutionSpace E>
class AnyProblem {
 public:
  using scalar_type = T;
  using execution_space = E;
  using ConstVectors = Vectors<T const, E>;
  using ConstBlocks = Blocks<T const, E>;

  virtual ~AnyProblem() = default;

  virtual int batch_size() const = 0;
  virtual int dim_x() const = 0;
  virtual int dim_y() const = 0;
  /// One x for all targets (true) or one each (false).
  virtual bool shared_upper() const { return true; }
  int upper_rows() const { return shared_upper() ? 1 : batch_size(); }

  /// out(item) = f, g at the item's point.
  virtual void upper_value(E const&, ConstVectors x, ConstVectors y, Scalars<T, E> out) const = 0;
  virtual void lower_value(E const&, ConstVectors x, ConstVectors y, Scalars<T, E> out) const = 0;
  /// gx(item, j) = d f / d x_j (of this item alone), gy(item, i) = d f / d y_i.
  virtual void upper_gradient(E const&, ConstVectors x, ConstVectors y, Vectors<T, E> gx,
                              Vectors<T, E> gy) const = 0;
  /// gy(item, i) = d g / d y_i
  virtual void lower_gradient(E const&, ConstVectors x, ConstVectors y, Vectors<T, E> gy) const = 0;
  /// out(item, c, :) = H v(item, c, :),  H = d2g/dy2
  virtual void lower_hessian(E const&, ConstVectors x, ConstVectors y, ConstBlocks v,
                             Blocks<T, E> out) const = 0;
  /// out(item, j) = (G^T z)_j,  G = d(grad_y g)/dx
  virtual void mixed_transpose(E const&, ConstVectors x, ConstVectors y, ConstVectors z,
                               Vectors<T, E> out) const = 0;

  // What methods other than HG-MS ask for. Where a problem does not offer it, they say so.

  /// out(item, j) = d g / d x_j of this item alone
  virtual void lower_gradient_x(E const&, ConstVectors /*x*/, ConstVectors /*y*/,
                                Vectors<T, E> /*out*/) const {
    not_offered("lower_gradient_x, the gradient of g in x");
  }
  /// out(item, i) = (G u)_i,  u: (upper_rows, dim_x)
  virtual void mixed_product(E const&, ConstVectors /*x*/, ConstVectors /*y*/, ConstVectors /*u*/,
                             Vectors<T, E> /*out*/) const {
    not_offered("mixed_product, G u");
  }
  /// Data terms of g: what a sample is a part of. 0 where g is no sum over data.
  virtual int samples() const { return 0; }
  /// The same problem with g and its derivatives estimated without bias from `count` of its data terms,
  /// drawn with the numbers of `place`. Null where g is no sum over data.
  virtual std::unique_ptr<AnyProblem> on_sample(E const&, Place /*place*/, int /*count*/) const {
    return nullptr;
  }
  /// Bounds of second derivatives near (x, y), for step lengths; none where the problem knows none.
  virtual std::optional<Smoothness> smoothness(E const&, ConstVectors /*x*/,
                                               ConstVectors /*y*/) const {
    return std::nullopt;
  }

  /// Second-order information for Newton steps along the manifold and the non-degeneracy
  /// certificate: out = (d2f/dy2) v and out = (d3g/dy3)[lambda, v]. Both or none.
  virtual bool has_second_order() const { return false; }
  virtual void upper_hessian(E const&, ConstVectors, ConstVectors, ConstBlocks,
                             Blocks<T, E>) const {}
  virtual void third_product(E const&, ConstVectors, ConstVectors, ConstVectors /*lambda*/,
                             ConstBlocks, Blocks<T, E>) const {}

  /// The same problem for a batch in which row `item` belongs to target_of(item): its batch_size() is
  /// the number of rows. Lets the stages go on with the items that still work. Null where a problem
  /// does not offer it; not needed where batch_size() is 1, since then any number of rows will do.
  virtual std::unique_ptr<AnyProblem> for_items(E const&,
                                                Scalars<int const, E> /*target_of*/) const {
    return nullptr;
  }

  /// lower_solve of the items whose record says not_run as one launch, a team an item, where the problem can be
  /// evaluated inside of a launch: no host waits for the steps, and no item for the others. `done(item)`: what
  /// was asked. False, and nothing has happened, where a problem does not offer it.
  virtual bool lower_solve_by_teams(E const&, ConstVectors /*x*/, Vectors<T, E> /*y*/,
                                    Scalars<LowerRecord<T>, E> /*records*/,
                                    Scalars<LowerEvaluations, E> /*done*/,
                                    LowerSolveOptions<T> const&) const {
    return false;
  }

  /// Projects every row of x onto the feasible set of the upper level. Default: everything.
  virtual void project_upper(E const&, Vectors<T, E>) const {}

  /// A typical distance in y: steps, restarts and "different point" are measured in it.
  virtual T length_scale() const { return T(1); }
  /// Random starting points for the lower level. Default: length_scale() times standard normal;
  /// row `item` uses the numbers of place (item, i, column).
  virtual void random_lower(E const& space, Place place, Vectors<T, E> y) const {
    T const scale = length_scale();
    int const n = int(y.extent(1));
    Kokkos::parallel_for(
        "minfold::random_lower", Kokkos::RangePolicy<E>(space, 0, int(y.extent(0)) * n),
        KOKKOS_LAMBDA(int t) {
          Place here = place;
          here.item += std::uint32_t(t / n);
          here.row = std::uint32_t(t % n);
          y(t / n, t % n) = scale * T(normal(here));
        });
  }

 private:
  static void not_offered(char const* what) {
    MINFOLD_REQUIRE(false, "the problem does not offer ", what, ", which this method needs");
  }
};

/// The lower Hessian at a batch of points, as a bulk operator for the kernels.
template <class T, ExecutionSpace E>
struct LowerHessian {
  using scalar_type = T;

  AnyProblem<T, E> const* problem;
  Vectors<T const, E> x, y;

  int batch_size() const { return int(y.extent(0)); }
  int dim() const { return int(y.extent(1)); }
  void apply(E const& space, Blocks<T const, E> v, Blocks<T, E> out) const {
    problem->lower_hessian(space, x, y, v, out);
  }
};

}  // namespace minfold

#endif
