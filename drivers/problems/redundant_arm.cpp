// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/problems/catalog.hpp>
#include <minfold/problems/redundant_arm.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace minfold {
namespace {

using std::numbers::pi;

/// Everything about one arm and its work place, in double precision on the host.
template <class Chain>
struct ArmPlan {
  Chain chain;
  Posture<double> posture;
  Design<double> design;
  double base_box = 0, link_box = 0;  ///< half-widths of the box of x: [m], relative
  std::vector<double> targets;        ///< targets x task [m]
  std::vector<double> start;          ///< x_0

  int count() const { return int(targets.size()) / Chain::task; }
  int dim_x() const { return Chain::task + chain.links(); }
  double half_width(int j) const {
    return j < Chain::task ? base_box : link_box * design.nominal[j];
  }
};

/// Arrays that objectives take: callable with an index.
struct Row {
  double const* first;
  KOKKOS_INLINE_FUNCTION double operator()(int i) const { return first[i]; }
};

/// Keys of both kinds of arm.
void posture_keys(Settings& settings, int joints, Posture<double>& posture,
                  std::vector<double> const& limit, std::vector<double> const& rest) {
  std::vector<double> weight(joints);
  // Joints near the base move more mass and cost more.
  for (int j = 0; j < joints; ++j) weight[j] = 1.0 - 0.5 * j / (joints - 1);
  auto const limits = impl::numbers_within(settings, "limit", limit, joints, 0.1, pi,
                                           "joint angles stay within +-limit [rad]");
  auto const rests = impl::numbers_within(settings, "rest", rest, joints, -pi, pi,
                                          "joint angles of the most comfortable posture [rad]");
  auto const weights = impl::numbers_within(settings, "weights", weight, joints, 1e-3, 1e3,
                                            "cost of leaving that posture, for each joint");
  for (int j = 0; j < joints; ++j) {
    posture.high[j] = limits[j];
    posture.low[j] = -limits[j];
    posture.rest[j] = rests[j];
    posture.weight[j] = weights[j];
  }
}
void link_keys(Settings& settings, int links, double* nominal, std::vector<double> const& length,
               std::string const& which) {
  auto const lengths = impl::numbers_within(settings, "links", length, links, 1e-2, 1e2,
                                            "nominal lengths of " + which + " [m]");
  std::copy(lengths.begin(), lengths.end(), nominal);
}

PlanarChain planar(Settings& settings, ArmPlan<PlanarChain>& plan) {
  PlanarChain chain;
  int const n = chain.joints =
      settings.integer("joints", 5, 3, max_arm_joints, "joints of the planar arm");
  // An arc over the line to the targets.
  std::vector<double> rest(n, -1.6 / (n - 1));
  rest[0] = 0.8;
  posture_keys(settings, n, plan.posture, {2.4}, rest);
  link_keys(settings, n, plan.design.nominal + 2, {1.0 / n}, "the links");
  return chain;
}

SpatialChain spatial(Settings& settings, ArmPlan<SpatialChain>& plan) {
  settings.integer("joints", 7, 7, 7, "joints of the spatial arm");
  // Limits and lengths of the KUKA LBR iiwa 7 R800 (data sheet).
  std::vector<double> limit = {170, 120, 170, 120, 170, 120, 175};
  for (double& angle : limit) angle = angle * pi / 180;
  // Leaning forward, elbow bent and a little to the side, wrist bent: no symmetry that would make
  // two postures of equal cost.
  posture_keys(settings, 7, plan.posture, limit, {0, 0.5, 0.3, -1.3, 0, 0.7, 0});
  link_keys(settings, 3, plan.design.nominal + 3, {0.4, 0.4, 0.126}, "upper arm, forearm and hand");
  return {};
}

/// Targets in front of the arm: distance from the nominal base uniform in [near, far] reach,
/// direction uniform in the sector (plane) or cone (space) of half-angle `spread` about the first
/// axis.
template <class Chain>
std::vector<double> draw_targets(int count, double near, double far, double spread,
                                 std::uint64_t seed) {
  std::vector<double> targets(std::size_t(count) * Chain::task);
  for (int i = 0; i < count; ++i) {
    auto const draw = [&](int row) {
      return uniform({.seed = seed,
                      .stream = Stream::problem,
                      .item = std::uint32_t(i),
                      .row = std::uint32_t(row),
                      .column = 0});
    };
    double const distance = near + (far - near) * draw(0);
    double* const target = &targets[std::size_t(i) * Chain::task];
    if constexpr (Chain::task == 2) {
      double const angle = spread * (2 * draw(1) - 1);
      target[0] = distance * std::cos(angle);
      target[1] = distance * std::sin(angle);
    } else {
      // Equal areas of a sphere belong to equal differences of the cosine.
      double const cosine = 1 - (1 - std::cos(spread)) * draw(1), turn = 2 * pi * draw(2);
      double const sine = std::sqrt(std::max(0.0, 1 - cosine * cosine));
      target[0] = distance * cosine;
      target[1] = distance * sine * std::cos(turn);
      target[2] = distance * sine * std::sin(turn);
    }
  }
  return targets;
}

template <class Chain>
ArmPlan<Chain> make_plan(Settings& settings, ProblemContext const& context) {
  constexpr int task = Chain::task;
  ArmPlan<Chain> plan;
  if constexpr (task == 2)
    plan.chain = planar(settings, plan);
  else
    plan.chain = spatial(settings, plan);
  int const links = plan.chain.links();
  double const* const length = plan.design.nominal + task;
  double const reach = std::accumulate(length, length + links, 0.0);
  double const longest = *std::max_element(length, length + links);

  int const count = settings.integer("targets", 1000, 1, 10'000'000, "targets to reach");
  double const near =
      settings.number("near", 0.3, 0.01, 1, "nearest target, as a fraction of the reach");
  double const far =
      settings.number("far", 0.65, 0.01, 1, "farthest target, as a fraction of the reach");
  double const spread = settings.number("spread", task == 2 ? 1.5 : 1.0, 0.01, pi,
                                        "targets lie within this angle of straight ahead [rad]");
  double const box = settings.number("base-box", 0.1, 0, 0.5,
                                     "how far the base may move along each axis, as a fraction "
                                     "of the reach");
  plan.link_box = settings.number("link-box", 0.15, 0, 0.5,
                                  "how much each link may change, as a fraction of its length");
  plan.base_box = box * reach;
  plan.posture.limit_weight =
      settings.number("limit-weight", 10, 0, 1e6, "cost of passing a joint limit [1/rad^2]");
  double const base_weight =
      settings.number("base-weight", 20, 1e-6, 1e6, "cost of moving the base [rad^2/m^2]");
  double const link_weight =
      settings.number("link-weight", 40, 1e-6, 1e6, "cost of changing a link [rad^2/m^2]");
  for (int j = 0; j < task + links; ++j)
    plan.design.weight[j] = j < task ? base_weight : link_weight;

  // Whatever x in its box, every target stays inside the reach with 2 % to spare and outside the
  // hole that a longest link leaves: all of them can be reached, away from the stretched arm, where
  // the Jacobian loses rank.
  MINFOLD_REQUIRE(near < far, "--set near=", near, ": expected less than far=", far);
  double const shift = std::sqrt(double(task)) * box;
  MINFOLD_REQUIRE(far + shift <= 0.98 * (1 - plan.link_box), "--set far=", far,
                  ": expected at most ", 0.98 * (1 - plan.link_box) - shift,
                  ", or targets may fall out of reach (base-box=", box,
                  ", link-box=", plan.link_box, ")");
  double const hole =
      (longest * (1 + plan.link_box) - (reach - longest) * (1 - plan.link_box)) / reach;
  MINFOLD_REQUIRE(hole <= 0 || near >= shift + hole, "--set near=", near, ": expected at least ",
                  shift + hole, ", or targets may come too near to be reached (base-box=", box,
                  ", link-box=", plan.link_box, ")");

  int const m = task + links;
  plan.start = settings.numbers(
      "x0", std::vector<double>(plan.design.nominal, plan.design.nominal + m), m,
      "start of the upper variable: base, then link lengths [m], within their boxes");
  for (int j = 0; j < m; ++j) {
    double const low = plan.design.nominal[j] - plan.half_width(j),
                 high = plan.design.nominal[j] + plan.half_width(j);
    MINFOLD_REQUIRE(low <= plan.start[j] && plan.start[j] <= high, "--set x0: its component ",
                    j + 1, " is ", plan.start[j], ", expected a number from ", low, " to ", high,
                    j < task ? " (base-box=" : " (link-box=", j < task ? box : plan.link_box, ")");
  }
  plan.targets = draw_targets<Chain>(count, near * reach, far * reach, spread, context.seed);
  return plan;
}

/// Means over the targets at one (x, y); the largest for the hand's error.
struct ArmSummary {
  double effort = 0;       ///< mean effort(y) [rad^2]
  double hand_error = 0;   ///< largest |hand - target| [m]
  double past_limits = 0;  ///< share of joint angles beyond their limit
  double pull = 0;         ///< pull(x) [rad^2]
};

template <class Chain>
ArmSummary summarize_arm(ArmPlan<Chain> const& plan, Solution const& solution) {
  using Host = RedundantArm<Chain, double>;
  int const n = plan.chain.joints, count = plan.count();
  ArmSummary summary;
  for (int i = 0; i < count; ++i) {
    Row const y{&solution.y[std::size_t(i) * n]};
    for (int j = 0; j < n; ++j) {
      summary.effort += plan.posture.effort(j, y(j)) / count;
      summary.past_limits += (plan.posture.excess(j, y(j)) != 0) / (double(n) * count);
    }
    double hand[Chain::task], square = 0;
    plan.chain.walk(Row{solution.x.data()}, y, hand, typename Host::Pass{});
    for (int k = 0; k < Chain::task; ++k)
      square += std::pow(hand[k] - plan.targets[std::size_t(i) * Chain::task + k], 2);
    summary.hand_error = std::max(summary.hand_error, std::sqrt(square));
  }
  for (int j = 0; j < plan.dim_x(); ++j)
    summary.pull +=
        0.5 * plan.design.weight[j] * std::pow(solution.x[j] - plan.design.nominal[j], 2);
  return summary;
}

template <class Chain>
nlohmann::ordered_json arm_metrics(ArmPlan<Chain> const& plan, Solution const& start,
                                   Solution const& end) {
  auto const before = summarize_arm(plan, start), after = summarize_arm(plan, end);
  double base = 0, link = 0;
  for (int j = 0; j < plan.dim_x(); ++j) {
    double const change = std::abs(end.x[j] - start.x[j]);
    if (j < Chain::task)
      base = std::hypot(base, change);
    else
      link = std::max(link, change);
  }
  return {{"targets", plan.count()},
          {"effort_before", before.effort},
          {"effort_after", after.effort},
          {"design_cost", after.pull},
          {"hand_error_before", before.hand_error},
          {"hand_error_after", after.hand_error},
          {"angles_past_limits_before", before.past_limits},
          {"angles_past_limits_after", after.past_limits},
          {"base_shift", base},
          {"largest_link_change", link}};
}

template <class T, class Chain>
NamedProblem<T> make_arm(Settings& settings, ProblemContext const& context) {
  using E = Kokkos::DefaultExecutionSpace;
  auto const plan = make_plan<Chain>(settings, context);
  int const n = plan.chain.joints, m = plan.dim_x();

  RedundantArm<Chain, T, E> arm;
  arm.chain = plan.chain;
  for (int j = 0; j < n; ++j) {
    arm.posture.weight[j] = T(plan.posture.weight[j]);
    arm.posture.rest[j] = T(plan.posture.rest[j]);
    arm.posture.low[j] = T(plan.posture.low[j]);
    arm.posture.high[j] = T(plan.posture.high[j]);
  }
  arm.posture.limit_weight = T(plan.posture.limit_weight);
  for (int j = 0; j < m; ++j) {
    arm.design.weight[j] = T(plan.design.weight[j]);
    arm.design.nominal[j] = T(plan.design.nominal[j]);
  }

  arm.targets = impl::device_vectors<T, E>("minfold::redundant_arm::targets", plan.count(),
                                           Chain::task, plan.targets);
  Scalars<T, E> const low("minfold::redundant_arm::low", m),
      high("minfold::redundant_arm::high", m);
  auto const host_low = Kokkos::create_mirror_view(low);
  auto const host_high = Kokkos::create_mirror_view(high);
  for (int j = 0; j < m; ++j) {
    host_low(j) = T(plan.design.nominal[j] - plan.half_width(j));
    host_high(j) = T(plan.design.nominal[j] + plan.half_width(j));
  }
  Kokkos::deep_copy(low, host_low);
  Kokkos::deep_copy(high, host_high);

  NamedProblem<T> named;
  named.problem = std::make_unique<FunctorProblem<RedundantArm<Chain, T, E>, T, E>>(
      arm, true, UpperSet<T, E>::box(low, high));
  named.start = plan.start;
  named.metrics = [plan](Solution const& start, Solution const& end) {
    return arm_metrics(plan, start, end);
  };
  return named;
}

template <class T>
NamedProblem<T> make_redundant_arm(Settings& settings, ProblemContext const& context) {
  auto const kind = settings.choice("kind", "planar", {"planar", "spatial"},
                                    "arm in the plane, or a seven-joint arm in space");
  return kind == "planar" ? make_arm<T, PlanarChain>(settings, context)
                          : make_arm<T, SpatialChain>(settings, context);
}

}  // namespace

CatalogEntry redundant_arm_entry() {
  return {"redundant-arm", "base and links of an arm that reaches many targets comfortably",
          make_redundant_arm<double>, make_redundant_arm<float>};
}

}  // namespace minfold
