// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_METHOD_MATRIX_HPP
#define MINFOLD_TESTS_METHOD_MATRIX_HPP

#include <minfold/drivers/method_catalog.hpp>
#include <minfold/problems/catalog.hpp>

#include "method_runs.hpp"
#include "problem_probe.hpp"

#include <stdexcept>
#include <string>
#include <vector>

/// Every method of the catalog on every problem of the catalog with a closed form, in small sizes.
namespace minfold::test {

/// A problem of the matrix. `step` is about 1 / (2 L), L a bound on the curvature of F near the way from
/// the start to the minimum. `lower` is ||H|| there, for methods whose step in y is not their own.
struct MatrixProblem {
  std::string name;
  std::vector<std::string> sets;
  double step, lower;
  bool bounded = false;  ///< x has bounds: the projected gradient is shorter than grad F
};

inline std::vector<MatrixProblem> const& matrix_problems() {
  static std::vector<MatrixProblem> const all = {
      // S(x) is a point
      {"quadratic", {"dim=3", "smallest=0.5"}, 0.15, 1},
      {"convex-toy", {"dim=3", "smallest=0.5"}, 0.02, 1},
      {"coreset", {}, 0.1, 1},
      {"example-1", {}, 0.05, 1},
      {"v-pbgd-toy", {}, 0.01, 8, true},
      // S(x) is a manifold, F is smooth
      {"line", {}, 0.2, 1},
      {"affine", {"dim=6", "manifold-dim=3", "condition=2"}, 0.05, 2},
      {"sphere", {"dim=4", "manifold-dim=2"}, 0.1, 16},
      {"stiefel", {"n=4", "p=1"}, 0.05, 8},
      {"orthogonal-orbit", {"n=3", "r=2"}, 0.2, 16},
      {"phase-orbit", {"n=2"}, 0.2, 16},
      {"reweighting", {"dim=6", "rank=3", "samples=4"}, 0.1, 4},
      {"cosine-toy", {"dim=3", "smallest=0.5", "upper=image"}, 0.3, 20},
      {"representation", {"train=2", "validation=2", "inputs=5", "hidden=5", "outputs=1"}, 0.1, 4},
      {"diagonal-cleaning",
       {"classes=2", "features=12", "train=5", "validation=3", "zero=1"},
       0.5,
       1,
       true},
      {"hyper-cleaning", {"loss=squared", "train=12", "validation=6", "pool=4"}, 0.5, 1, true},
      // circles
      {"two-well", {}, 0.3, 4},
      {"hoelder", {}, 0.2, 4},
      {"flat", {}, 0.2, 4},
      {"kink", {"center=0.3"}, 0.3, 4},
      {"kinks", {"frequency=3"}, 0.05, 4},
  };
  return all;
}

inline MatrixProblem const& matrix_problem(std::string const& name) {
  for (auto const& p : matrix_problems())
    if (p.name == name) return p;
  throw std::invalid_argument("not in the matrix: " + name);
}

/// The budget and the settings of a method. Where x and y move together the step is bounded by ||H||.
struct MatrixBudget {
  int iterations;
  std::vector<std::string> sets;
};
inline std::string key(std::string const& name, double value) {
  return name + "=" + std::to_string(value);
}
inline MatrixBudget budget_of(std::string const& method, MatrixProblem const& p) {
  std::string const step = key("step", p.step);
  if (method == "hgms") return {60, {}};
  if (method == "hgms-minibatch") return {150, {step, "batch=1000000"}};
  if (method == "pbgd") return {600, {"gamma=20"}};
  if (method == "qp-flow") return {1000, {"c1=1", "c2=1"}};
  if (method == "rxgf") return {10, {"time=5", "eps=0.05", "flow-tolerance=1e-4"}};
  if (method == "sgf") return {10, {"time=5", "flow-tolerance=1e-4", "products=20"}};
  if (method == "qcqp") return {400, {key("step", 0.5 * p.step), "eps=0.01"}};
  if (method == "superquantile")
    return {40, {step, "samples=40", "langevin-steps=5", "burn-in=50"}};
  if (method == "v-pbgd")
    return {1000, {"penalty=20", key("step", std::min(0.5 / p.lower, p.step))}};
  if (method == "g-pbgd")
    return {1000, {"penalty=20", key("step", std::min(0.25 / (p.lower * p.lower), p.step))}};
  if (method == "bome") return {600, {key("step", std::min(0.25 / p.lower, 0.5 * p.step))}};
  if (method == "f2sa") return {150, {step, "step-decay=false", "multiplier=20", "increment=0"}};
  if (method == "pbgd-free") return {200, {step, "penalty=20"}};
  if (method == "iaptt") return {200, {step}};
  if (method == "pzobo") return {200, {step, key("inner-step", 0.5 / p.lower)}};
  // aid-cg, stocbio, soba, galet. Three products are what the CG of aid-cg stands where H is singular.
  std::vector<std::string> sets = {step, key("inner-step", 0.5 / p.lower)};
  if (method == "stocbio") sets.push_back("products=30");
  if (method == "aid-cg") sets.push_back("products=3");
  return {200, sets};
}

struct MatrixEnd {
  SolveResult result;
  Vec x, y;
};

inline MatrixEnd run_cell(NamedProblem<double> const& named, std::string const& method,
                          std::vector<std::string> const& sets, int iterations,
                          std::uint64_t seed = 1, bool assess = true, bool warm = false) {
  Space const space;
  BilevelState<double, Space> state(space, *named.problem);
  minfold::impl::from_doubles<double, Space>(space, named.start, state.x);
  if (warm) {
    Kokkos::deep_copy(space, state.y, 0.1);
    state.warm = true;
  }
  NamedRun run;
  run.method = method;
  run.seed = seed;
  run.max_iterations = iterations;
  run.tolerance = 1e-5;
  run.assess = assess;
  run.record_every = iterations;
  Settings settings(sets);
  MatrixEnd end;
  end.result = minimize<double>(space, *named.problem, state, run, settings);
  end.x = minfold::impl::to_doubles(space, state.x);
  end.y = minfold::impl::to_doubles(space, state.y);
  return end;
}

/// What theory expects of a pair.
///   e  exact: |grad F(x)| <= 1e-3 |grad F(x_0)| at the end
///   p  near: <= 1/4 of it; the distance is O(1 / gamma) for a penalty, O(eps) where |grad_y g| <= eps is
///      allowed, the noise of the two-point difference for superquantile
///   b  biased: >= 5 % of it, and not certified
///   u  the budget does not suffice: not certified
///   r  the method refuses the problem
double constexpr exact_within = 1e-3, near_within = 0.25, biased_from = 0.05;

/// One letter a method, in the order of methods():
///   hgms hgms-minibatch pbgd qp-flow rxgf sgf qcqp superquantile aid-cg bome
///   v-pbgd g-pbgd f2sa stocbio soba galet iaptt pzobo pbgd-free
struct MatrixRow {
  std::string problem, letters;
};
inline std::vector<MatrixRow> const& matrix_rows() {
  static std::vector<MatrixRow> const all = {
      // One solution: implicit differentiation is exact there. Penalties are off by O(1 / gamma) where
      // grad_y f does not vanish. pzobo keeps the noise of one direction. pbgd-free leaves G^T v out.
      {"quadratic", "erppppppeppppeeeuub"},
      // grad F is not convex: the penalties start along a flat valley
      {"convex-toy", "erpupeppepuupeeeuub"},
      // inf F is at infinity; HG-MS gets so far that the weights are 0. grad_x f = 0: pbgd-free stays.
      {"coreset", "eruuuuuuuuuuuuuuuub"},
      // f = 0 and grad_y f = 0 at the minimum, so that all that reach it are exact there. Penalties keep
      // the critical point x = pi / 3 of F (Example 1 of arXiv 2408.16087).
      {"example-1", "eruepeppeeuupeeeeee"},
      {"v-pbgd-toy", "erpepeppeppppeeeppb"},
      // Without selection: f at the wrong point of S(x). Penalties have f = 0 at the minimum of line.
      {"line", "erueuuppbeppebbbebb"},
      {"affine", "erppppupbppppbbbebb"},
      // sgf: J has full rank beside a curved S(x), y does not move along it
      {"sphere", "erpppbupbupuubbbubb"},
      {"stiefel", "erpepbupbepupbbbebb"},
      {"orthogonal-orbit", "eruupbuubpuupbbbpbb"},
      {"phase-orbit", "erueubuubpuupbbbpbb"},
      // grad_x f = 0: pbgd-free stays where it is, here and in hyper-cleaning. F is flat: the others are
      // on their way, without selection to another point.
      {"reweighting", "uruuuuuuuuuuubbbubb"},
      {"cosine-toy", "erueppupuuuuuuuuuuu"},
      // F does not depend on x: every end is stationary, what a method can miss is y. aid-cg explodes.
      {"representation", "eeeeeeeeueeeeeeeeee"},
      {"diagonal-cleaning", "eeeeeeeeeeeeeeeeeee"},
      {"hyper-cleaning", "uuuuuuuuuuuuuuuuuub"},
      {"two-well", "erpepbppbppupbbbebp"},
      // y starts in the left half of the circle, a basin of f on S(x) of its own: without other candidates
      // all stay there. The tail of the Gibbs measure has points in both.
      {"hoelder", "erbbbbbpbbbbbbbbbbb"},
      {"flat", "erbbbbbpbbbbbbbbbbb"},
      {"kink", "eruepbppbppupbbbebp"},
      {"kinks", "erpepbupbppupbbbebp"},
  };
  return all;
}

}  // namespace minfold::test

#endif
