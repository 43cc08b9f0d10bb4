// SPDX-License-Identifier: Apache-2.0
#include <minfold/drivers/hgms.hpp>

#include <fmt/format.h>

namespace minfold {

char const* to_string(SolveOutcome outcome) {
  switch (outcome) {
    case SolveOutcome::converged: return "converged";
    case SolveOutcome::iteration_limit: return "iteration limit";
    case SolveOutcome::stalled: return "stalled";
    case SolveOutcome::stopped: return "stopped";
    case SolveOutcome::failed: return "failed";
  }
  return "unknown outcome";
}

std::string not_stationary(Assessment const& a) {
  return fmt::format("stationarity: the hypergradient of F at the end is {:.1e} (allowed {:.1e})",
                     a.hypergradient_norm, a.allowed);
}

std::string not_selected(Assessment const& a) {
  return fmt::format(
      "selection: y is {:.1e} lengths from the selected point of S(x), f there is {:.1e} smaller",
      a.distance, a.excess);
}

template <class T>
HgmsOptions<T> HgmsOptions<T>::from(Settings& settings) {
  HgmsOptions<T> o;
  o.candidates.count = settings.integer("candidates", o.candidates.count, 1, 100000,
                                        "points a target that are refined; 1 is tracking only");
  o.candidates.every = settings.integer("explore-every", o.candidates.every, 1, 1000000,
                                        "outer iterations between fresh candidates; "
                                        "the last one always has them");
  o.candidates.langevin_steps = settings.integer("langevin-steps", o.candidates.langevin_steps, 0,
                                                 1000000, "steps of a Langevin candidate");
  o.candidates.temperature = T(settings.number("temperature", double(o.candidates.temperature), 0,
                                               1e6, "Langevin temperature in ||H|| length^2"));
  o.candidates.walk = T(settings.number("walk", double(o.candidates.walk), 0, 1e6,
                                        "size of a tangential walk in lengths"));
  o.lower.max_iterations = settings.integer("lower-iterations", o.lower.max_iterations, 1, 1000000,
                                            "Newton steps of a lower solve at most");
  o.lower.tolerance =
      T(settings.number("lower-tolerance", double(o.lower.tolerance), 0, 1,
                        "||grad_y g|| / (||H|| length) at the end of a lower solve"));
  o.refine.max_iterations = settings.integer("refine-iterations", o.refine.max_iterations, 0,
                                             1000000, "steps along the manifold at most");
  o.refine.tolerance =
      T(settings.number("refine-tolerance", double(o.refine.tolerance), 0, 1,
                        "relative tangential gradient at the end of a refinement"));
  o.refine.newton =
      settings.flag("newton", o.refine.newton, "Riemannian Newton along the manifold");
  o.refine.newton_order =
      settings.integer("newton-order", o.refine.newton_order, 0, 1000000,
                       "largest manifold dimension for which the Hessian along it is formed");
  o.refine.truncated_order =
      settings.integer("truncated-order", o.refine.truncated_order, 0, 1000000,
                       "manifold dimension from which Newton steps are solved by CG instead");
  o.refine.curvature_steps =
      settings.integer("curvature-steps", o.refine.curvature_steps, 1, 1000000,
                       "Lanczos steps of the certificate above newton-order");
  auto const representation = settings.choice(
      "tangent", "automatic", {"automatic", "spectral", "kernel-basis", "range-basis", "implicit"},
      "how the tangent space is held");
  o.refine.tangent.representation = representation == "spectral" ? Representation::spectral
                                    : representation == "kernel-basis"
                                        ? Representation::kernel_basis
                                    : representation == "range-basis" ? Representation::range_basis
                                    : representation == "implicit"    ? Representation::implicit
                                                                      : Representation::automatic;
  o.refine.tangent.kernel_tolerance =
      T(settings.number("kernel-tolerance", double(o.refine.tangent.kernel_tolerance), 0, 1,
                        "eigenvalues of H below this times ||H|| count as zero"));
  o.refine.tangent.minimum_gap =
      T(settings.number("minimum-gap", double(o.refine.tangent.minimum_gap), 1, 1e300,
                        "spectral gap below which the kernel dimension is not trusted"));
  o.certificate.gap = double(o.refine.tangent.minimum_gap);
  o.outer.rule =
      settings.choice("step-rule", "armijo", {"armijo", "fixed"}, "outer step rule") == "fixed"
          ? StepRule::fixed
          : StepRule::armijo;
  o.outer.step = T(settings.number("step", 0, 0, 1e300,
                                   "fixed: the step; armijo: the first trial step, 0 chooses one"));
  o.outer.largest_move = T(settings.number("largest-move", 0, 0, 1e300,
                                           "bound on the change of x in one step, 0: none"));
  MINFOLD_REQUIRE(o.outer.rule != StepRule::fixed || o.outer.step > T(0),
                  "--set step: a fixed step must be given and positive");
  return o;
}

template struct HgmsOptions<float>;
template struct HgmsOptions<double>;

}  // namespace minfold
