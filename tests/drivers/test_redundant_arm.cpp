// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/derivatives.hpp>
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/problems/catalog.hpp>
#include <minfold/problems/redundant_arm.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <lapacke.h>

#include <array>
#include <cmath>
#include <numbers>
#include <vector>

namespace {

using namespace minfold;
using Space = Kokkos::DefaultExecutionSpace;
using Catch::Matchers::WithinAbs;

struct Row {
  double const* first;
  double operator()(int i) const { return first[i]; }
};

// --- an independent hand: products of 4 x 4 homogeneous matrices -------------------------------

using Matrix = std::array<std::array<double, 4>, 4>;

Matrix operator*(Matrix const& a, Matrix const& b) {
  Matrix c{};
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j)
      for (int k = 0; k < 4; ++k) c[i][j] += a[i][k] * b[k][j];
  return c;
}
Matrix translation(double x, double y, double z) {
  return {{{1, 0, 0, x}, {0, 1, 0, y}, {0, 0, 1, z}, {0, 0, 0, 1}}};
}
Matrix about_z(double t) {
  return {{{std::cos(t), -std::sin(t), 0, 0},
           {std::sin(t), std::cos(t), 0, 0},
           {0, 0, 1, 0},
           {0, 0, 0, 1}}};
}
Matrix about_x(double t) {
  return {{{1, 0, 0, 0},
           {0, std::cos(t), -std::sin(t), 0},
           {0, std::sin(t), std::cos(t), 0},
           {0, 0, 0, 1}}};
}

std::vector<double> reference_hand(PlanarChain const& chain, double const* x, double const* y) {
  Matrix frame = translation(x[0], x[1], 0);
  for (int j = 0; j < chain.joints; ++j)
    frame = frame * about_z(y[j]) * translation(x[2 + j], 0, 0);
  return {frame[0][3], frame[1][3]};
}
std::vector<double> reference_hand(SpatialChain const&, double const* x, double const* y) {
  double const right = std::numbers::pi / 2;
  double const alpha[7] = {-right, right, right, -right, -right, right, 0};
  double const d[7] = {0, 0, x[3], 0, x[4], 0, x[5]};
  Matrix frame = translation(x[0], x[1], x[2]);
  for (int j = 0; j < 7; ++j)
    frame = frame * about_z(y[j]) * translation(0, 0, d[j]) * about_x(alpha[j]);
  return {frame[0][3], frame[1][3], frame[2][3]};
}

/// Numbers for tests: `items` x `n`, uniform in [low, high].
std::vector<double> draw(int items, int n, double low, double high, std::uint32_t use) {
  std::vector<double> values(std::size_t(items) * n);
  for (std::size_t t = 0; t < values.size(); ++t)
    values[t] = low + (high - low) * uniform({.seed = 7,
                                              .stream = Stream::test,
                                              .item = std::uint32_t(t),
                                              .row = use,
                                              .column = 0});
  return values;
}

template <class Chain>
struct Case;
template <>
struct Case<PlanarChain> {
  static PlanarChain chain() { return {.joints = 6}; }
  static std::vector<double> x() { return {0.1, -0.2, 0.3, 0.25, 0.2, 0.15, 0.2, 0.1}; }
};
template <>
struct Case<SpatialChain> {
  static SpatialChain chain() { return {}; }
  static std::vector<double> x() { return {0.1, -0.2, 0.05, 0.41, 0.38, 0.13}; }
};

Vectors<double, Space> on_device(std::vector<double> const& values, int rows) {
  int const columns = int(values.size()) / rows;
  auto const view = make_vectors<double>(Space(), "test", rows, columns);
  auto const host = Kokkos::create_mirror_view(view);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) host(i, j) = values[std::size_t(i) * columns + j];
  Kokkos::deep_copy(view, host);
  return view;
}

template <class Chain>
std::vector<double> hands(Chain const& chain, std::vector<double> const& x,
                          std::vector<double> const& y) {
  std::vector<double> all;
  for (std::size_t first = 0; first < y.size(); first += chain.joints) {
    double hand[Chain::task];
    chain.walk(Row{x.data()}, Row{&y[first]}, hand, typename RedundantArm<Chain, double>::Pass{});
    all.insert(all.end(), hand, hand + Chain::task);
  }
  return all;
}

/// An arm whose targets are where the hands are at `y`: y lies on the self-motion manifolds.
template <class Chain>
RedundantArm<Chain, double> arm_through(std::vector<double> const& x,
                                        std::vector<double> const& y) {
  RedundantArm<Chain, double> arm;
  arm.chain = Case<Chain>::chain();
  int const n = arm.chain.joints;
  arm.targets = on_device(hands(arm.chain, x, y), int(y.size()) / n);
  arm.posture.limit_weight = 3;
  for (int j = 0; j < n; ++j) {
    arm.posture.weight[j] = 1.0 + 0.1 * j;
    arm.posture.rest[j] = 0.2 * j - 0.5;
    arm.posture.low[j] = -1.5;
    arm.posture.high[j] = 1.2;
  }
  for (int j = 0; j < arm.dim_x(); ++j) {
    arm.design.weight[j] = 2.0 + j;
    arm.design.nominal[j] = 0.05 * j;
  }
  return arm;
}

/// The same objectives without the written gradients: derivatives by duals of the objective.
template <class Arm>
struct ObjectivesOnly {
  Arm arm;
  KOKKOS_INLINE_FUNCTION int batch_size() const { return arm.batch_size(); }
  KOKKOS_INLINE_FUNCTION int dim_x() const { return arm.dim_x(); }
  KOKKOS_INLINE_FUNCTION int dim_y() const { return arm.dim_y(); }
  template <class X, class Y>
  KOKKOS_INLINE_FUNCTION auto lower(int item, X const& x, Y const& y) const {
    return arm.lower(item, x, y);
  }
  template <class X, class Y>
  KOKKOS_INLINE_FUNCTION auto upper(int item, X const& x, Y const& y) const {
    return arm.upper(item, x, y);
  }
};

/// Largest |a - b| on the host.
template <class View>
double difference(View const& a, View const& b) {
  auto const ha = to_host(Space(), a), hb = to_host(Space(), b);
  double largest = 0;
  for (std::size_t t = 0; t < ha.size(); ++t)
    largest = std::max(largest, std::abs(ha.data()[t] - hb.data()[t]));
  return largest;
}

}  // namespace

TEMPLATE_TEST_CASE("the hand of an arm agrees with products of homogeneous matrices", "[arm]",
                   PlanarChain, SpatialChain) {
  auto const chain = Case<TestType>::chain();
  auto const x = Case<TestType>::x();
  int const n = chain.joints;
  auto const y = draw(50, n, -3, 3, 0);
  auto const ours = hands(chain, x, y);
  for (int i = 0; i < 50; ++i) {
    auto const expected = reference_hand(chain, x.data(), &y[std::size_t(i) * n]);
    for (int k = 0; k < TestType::task; ++k)
      CHECK_THAT(ours[std::size_t(i) * TestType::task + k], WithinAbs(expected[k], 1e-14));
  }
}

TEST_CASE("the spatial arm points up at zero and its zero-angle length is the sum of the links",
          "[arm]") {
  std::vector<double> const x = {0.5, 0.25, 1, 0.4, 0.35, 0.1}, y(7, 0.0);
  auto const hand = hands(SpatialChain{}, x, y);
  CHECK_THAT(hand[0], WithinAbs(0.5, 1e-15));
  CHECK_THAT(hand[1], WithinAbs(0.25, 1e-15));
  CHECK_THAT(hand[2], WithinAbs(1.85, 1e-15));
}

TEMPLATE_TEST_CASE("written gradients of the arm agree with duals of its objectives", "[arm]",
                   PlanarChain, SpatialChain) {
  Space const space;
  int const items = 40;
  auto const chain = Case<TestType>::chain();
  int const n = chain.joints;
  auto const start = Case<TestType>::x();
  auto const arm = arm_through<TestType>(start, draw(items, n, -2, 2, 0));
  int const m = arm.dim_x();
  FunctorProblem<RedundantArm<TestType, double>, double> const written(arm);
  FunctorProblem<ObjectivesOnly<RedundantArm<TestType, double>>, double> const plain({arm});

  // Not on the manifolds: second derivatives of the hand count as well.
  auto const x = on_device(start, 1), y = on_device(draw(items, n, -2, 2, 1), items);
  auto const v = on_device(draw(items, n, -1, 1, 2), items);
  auto const lambda = on_device(draw(items, n, -1, 1, 3), items);
  auto const block = Blocks<double const, Space>(as_block(v));
  auto const ay = make_vectors<double>(space, "a", items, n),
             by = make_vectors<double>(space, "b", items, n);
  auto const ax = make_vectors<double>(space, "a", items, m),
             bx = make_vectors<double>(space, "b", items, m);
  auto const ab = make_blocks<double>(space, "a", items, 1, n),
             bb = make_blocks<double>(space, "b", items, 1, n);
  double const rounding = 1e-13;  // values are of order 1 and sums have fewer than 20 terms

  written.lower_gradient(space, x, y, ay);
  plain.lower_gradient(space, x, y, by);
  CHECK(difference(ay, by) < rounding);
  written.upper_gradient(space, x, y, ax, ay);
  plain.upper_gradient(space, x, y, bx, by);
  CHECK(difference(ay, by) < rounding);
  CHECK(difference(ax, bx) < rounding);
  written.lower_hessian(space, x, y, block, ab);
  plain.lower_hessian(space, x, y, block, bb);
  CHECK(difference(ab, bb) < rounding);
  written.upper_hessian(space, x, y, block, ab);
  plain.upper_hessian(space, x, y, block, bb);
  CHECK(difference(ab, bb) < rounding);
  written.third_product(space, x, y, lambda, block, ab);
  plain.third_product(space, x, y, lambda, block, bb);
  CHECK(difference(ab, bb) < rounding);
  written.mixed_transpose(space, x, y, v, ax);
  plain.mixed_transpose(space, x, y, v, bx);
  CHECK(difference(ax, bx) < rounding);
}

TEMPLATE_TEST_CASE("the self-motion manifold of an arm has dimension joints minus task", "[arm]",
                   PlanarChain, SpatialChain) {
  Space const space;
  int const items = 60;
  auto const chain = Case<TestType>::chain();
  int const n = chain.joints;
  auto const start = Case<TestType>::x();
  auto const angles = draw(items, n, -2, 2, 4);
  FunctorProblem<RedundantArm<TestType, double>, double> const problem(
      arm_through<TestType>(start, angles));
  auto const x = on_device(start, 1), y = on_device(angles, items);

  std::vector<double> identity(std::size_t(items) * n * n, 0.0);
  for (int i = 0; i < items; ++i)
    for (int j = 0; j < n; ++j) identity[(std::size_t(i) * n + j) * n + j] = 1;
  auto const flat = on_device(identity, items * n);
  Blocks<double const, Space> const columns(
      Kokkos::View<double const***, Kokkos::LayoutRight, Space::memory_space,
                   Kokkos::MemoryTraits<Kokkos::Unmanaged>>(flat.data(), items, n, n));
  auto const h = make_blocks<double>(space, "h", items, n, n);
  problem.lower_hessian(space, x, y, columns, h);
  auto const host = to_host(space, h);
  for (int i = 0; i < items; ++i) {
    std::vector<double> a(host.data() + std::size_t(i) * n * n,
                          host.data() + std::size_t(i + 1) * n * n),
        values(n);
    REQUIRE(LAPACKE_dsyev(LAPACK_ROW_MAJOR, 'N', 'U', n, a.data(), n, values.data()) == 0);
    int const k = n - TestType::task;
    INFO("item " << i);
    CHECK(std::abs(values[k - 1]) < 1e-14 * values[n - 1]);
    CHECK(values[k] > 1e-5 * values[n - 1]);
  }
}

TEST_CASE("gradients of the arm in the shared variable add up to that of the mean", "[arm]") {
  Space const space;
  int const items = 30;
  auto const start = Case<PlanarChain>::x();
  auto const angles = draw(items, 6, -2, 2, 5);
  auto const arm = arm_through<PlanarChain>(start, angles);
  FunctorProblem<RedundantArm<PlanarChain, double>, double> const problem(arm);
  auto const gx = make_vectors<double>(space, "gx", items, 8);
  auto const gy = make_vectors<double>(space, "gy", items, 6);
  problem.upper_gradient(space, on_device(start, 1), on_device(angles, items), gx, gy);
  auto const host = to_host(space, gx);
  for (int j = 0; j < 8; ++j) {
    double sum = 0;
    for (int i = 0; i < items; ++i) sum += host(i, j);
    // y is held: only the design's pull depends on x directly, and it counts once, not once a
    // target.
    CHECK_THAT(sum, WithinAbs(arm.design.weight[j] * (start[j] - arm.design.nominal[j]), 1e-13));
  }
}

TEST_CASE("posture effort has three continuous derivatives at a joint limit", "[arm]") {
  Posture<double> posture;
  posture.weight[0] = 1;
  posture.low[0] = -1;
  posture.high[0] = 1;
  posture.limit_weight = 8;
  double const h = 1e-4;
  CHECK_THAT(posture.effort(0, 1.0), WithinAbs(0.5, 1e-15));
  CHECK_THAT(posture.effort(0, 1.5), WithinAbs(1.125 + 2 * std::pow(0.5, 4), 1e-15));
  CHECK_THAT(posture.effort(0, -1.5), WithinAbs(posture.effort(0, 1.5), 1e-15));
  for (double const angle : {-1.7, -1.0, 0.3, 1.0, 1.2})
    // Central difference: h^2/6 times a third derivative below 6 c.
    CHECK_THAT((posture.effort(0, angle + h) - posture.effort(0, angle - h)) / (2 * h),
               WithinAbs(posture.slope(0, angle), 48 * h * h / 6 + 1e-11));
}
