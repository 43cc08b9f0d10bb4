// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_SUPERQUANTILE_HPP
#define MINFOLD_DRIVERS_SUPERQUANTILE_HPP

#include <minfold/drivers/baselines/shared.hpp>
#include <minfold/drivers/impl/gibbs_cloud.hpp>

#include <cmath>

namespace minfold {

template <class T>
struct SuperquantileOptions {
  GibbsOptions<T> gibbs;
  T delta = T(0.05);
  bool pessimistic = false;
  T radius = T(0.05);  ///< rho, half the distance of the two points
  T step = T(0.02);
  int burn_in = 200;  ///< Langevin steps before the first iteration
  std::uint64_t seed = 1;

  static SuperquantileOptions from(Settings& settings) {
    SuperquantileOptions o;
    o.gibbs.samples = settings.integer("samples", o.gibbs.samples, 1, 100000000,
                                       "samples of the Gibbs measure, a target");
    o.gibbs.steps =
        settings.integer("langevin-steps", o.gibbs.steps, 0, 100000000, "a function value");
    o.gibbs.temperature = T(settings.number("temperature", double(o.gibbs.temperature), 0, 1e300,
                                            "eps of exp(-g/eps)"));
    o.gibbs.step = T(settings.number("langevin-step", double(o.gibbs.step), 1e-300, 1e300,
                                     "h of Langevin, in 1 / ||H||"));
    o.gibbs.project = settings.flag("project", o.gibbs.project, "samples onto S(x)");
    o.delta = T(settings.number("delta", double(o.delta), 1e-12, 1, "share of the tail"));
    o.pessimistic = settings.choice("form", "optimistic", {"optimistic", "pessimistic"},
                                    "F as the least or the largest f on S(x)") == "pessimistic";
    o.radius = T(settings.number("radius", double(o.radius), 1e-300, 1e300,
                                 "rho of the two-point difference"));
    o.step = T(settings.number("step", double(o.step), 0, 1e300, "step in x"));
    o.burn_in = settings.integer("burn-in", o.burn_in, 0, 100000000,
                                 "Langevin steps before the first iteration");
    o.seed = baseline::seed_from(settings);
    return o;
  }
};

/// Superquantile-Gibbs relaxation: in place of F_max(x) = max of f over S(x) its CVaR under the Gibbs measure,
///     SQ(x) = min_b { b + E[(f(x, Y) - b)_+] / delta },   Y ~ exp(-g(x, .) / eps),
/// the mean of the largest delta of the values; the optimistic form is -SQ of -f. Descent by
///     x := proj(x - step (m / (2 rho)) (SQ(x + rho u) - SQ(x - rho u)) u),   |u| = 1 random, m = dim_x.
/// FOUND (abstracts of arXiv 2505.05991): CVaR of the Gibbs measure, Langevin samples, values only. NOT FOUND:
/// the surrogate in full, its constants, the outer steps of the source. DERIVED, and our choice: the empirical
/// CVaR (exactly the minimum over b of the sampled average, the last sample with its fraction), the projection
/// of the samples onto S(x) by the lower solve, which removes the thermal bias and leaves that of the tail,
/// O(delta^(2/k)); both points with the same samples and the same noise, so that the noise of the difference
/// is small; chains that go on from iteration to iteration.
///
/// On S(x) the samples have the density det'(H)^(-1/2) against the volume of S(x), to first order in eps. With
/// several targets an x, SQ is the sum of theirs. x +- rho u may leave the feasible set.
/// y is the sample with the least (largest, if pessimistic) f, moved onto S(x) after the step.
/// Stationarity: |two-point estimate| of one direction, a random number: the tolerance is best 0.
/// findings(): the relaxed values, averaged over the two points of the last iteration.
/// Costs     2 langevin-steps gradients a sample, the lower solves and 2 values a sample.
template <class T, ExecutionSpace E>
class Superquantile final : public Method<T, E> {
 public:
  using PerRow = std::vector<double>;

  explicit Superquantile(SuperquantileOptions<T> const& options) : options_(options) {}
  bool starts_on_lower_solution() const override { return true; }

  void begin(Oracle<T, E>& o) override {
    cloud_.begin(o, options_.gibbs, options_.seed);
    direction_ = o.like_x("direction");
    moved_ = o.like_x("moved");
    scratch_ = o.like_x("scratch");
    auto first = options_.gibbs;
    first.steps = options_.burn_in;
    first.project = false;
    cloud_.sample(o, o.x, first);
  }

  MethodStep step(Oracle<T, E>& o, int k, int) override {
    int const rows = o.rows(), m = o.problem().dim_x();
    double const rho = double(options_.radius), length = double(options_.step);
    draw(o.space(), direction_, rows == 1, options_.seed, k);
    auto const square = o.dot(direction_, direction_);
    PerRow scale(rows, 0.0);
    for (int r = 0; r < rows; ++r) scale[r] = rho / std::sqrt(square[r]);
    o.axpby(scale, direction_, PerRow(rows, 0.0), direction_);  // rho u
    cloud_.remember(o);
    PerRow const minus = at(o, -1);
    cloud_.go_back(o);
    PerRow const plus = at(o, 1);
    cloud_.extreme(o, options_.pessimistic, o.y);

    MethodStep s;
    s.step = length;
    PerRow factor(rows, 0.0);
    values_ = PerRow(rows, 0.0);
    for (int r = 0; r < rows; ++r) {
      factor[r] = m / (2 * rho * rho) * (plus[r] - minus[r]);  // direction_ holds rho u
      values_[r] = 0.5 * (plus[r] + minus[r]);
    }
    o.axpby(factor, direction_, PerRow(rows, 0.0), direction_);
    double const estimate = o.norm(direction_);
    s.stationarity = o.projected_step(length, direction_, scratch_);
    s.scale = estimate;
    cloud_.onto_solutions(o, o.x, o.y);
    return s;
  }

  /// The relaxed values of each row, averaged over the two points of the last iteration.
  PerRow const& values() const { return values_; }
  std::vector<Finding> findings() const override {
    double sum = 0;
    for (double const v : values_) sum += v;
    return {{"superquantile", sum}};
  }

  /// Public because nvcc does not allow extended lambdas in private members.
  static void draw(E const& space, Vectors<T, E> v, bool one_row, std::uint64_t seed, int k) {
    Kokkos::parallel_for(
        "minfold::superquantile::direction",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0},
                                                  {int(v.extent(0)), int(v.extent(1))}),
        KOKKOS_LAMBDA(int row, int j) {
          std::uint32_t const item = one_row ? std::uint32_t(row) : 0u;
          v(row, j) = T(normal({seed, Stream::walk, item, std::uint32_t(j), std::uint32_t(k)}));
        });
  }

  void archive(StateArchive& a, E const& space) override {
    cloud_.archive(a, space);
    a("values", values_);
  }

 private:
  PerRow at(Oracle<T, E>& o, double sign) {
    o.copy(o.x, moved_);
    o.axpy(sign, direction_, moved_);
    cloud_.sample(o, moved_, options_.gibbs);
    return cloud_.tail(o, moved_, double(options_.delta), options_.pessimistic);
  }

  SuperquantileOptions<T> options_;
  impl::GibbsCloud<T, E> cloud_;
  Vectors<T, E> direction_, moved_, scratch_;
  PerRow values_;
};

}  // namespace minfold

#endif
