// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/blas.hpp>
#include <minfold/core/dense_operator.hpp>
#include <minfold/core/lifted_operator.hpp>
#include <minfold/core/team.hpp>

#include "support/host.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <limits>
#include <stdexcept>

using namespace minfold;
using namespace minfold::test;

namespace {

template <class T>
struct Norms {
  T norm, largest, sum;
};

template <class T>
Norms<T> measure(Vec const& v) {
  auto const view = to_vectors<T>({v});
  Kokkos::View<Norms<T>*, Space> const out("test::norms", 1);
  int const n = int(v.size());
  for_each_item(
      "test::norms", Space(), 1, n, KOKKOS_LAMBDA(TeamMember<Space> const& team, int) {
        auto const x = Kokkos::subview(view, 0, Kokkos::ALL);
        Norms<T> const r{team_norm(team, n, x),
                         team_max(team, n, [&](int i) { return Kokkos::abs(x(i)); }),
                         team_sum(team, n, [&](int i) { return x(i); })};
        Kokkos::single(Kokkos::PerTeam(team), [&] { out(0) = r; });
      });
  return to_host(Space(), out)(0);
}

}  // namespace

TEMPLATE_TEST_CASE("the norm of a vector neither over- nor underflows", "", double, float) {
  using T = TestType;
  T const eps = std::numeric_limits<T>::epsilon();
  T const extremes[] = {T(1),
                        std::numeric_limits<T>::max() / 8,
                        std::numeric_limits<T>::min(),
                        std::sqrt(std::numeric_limits<T>::max()),
                        std::sqrt(std::numeric_limits<T>::min()),
                        std::numeric_limits<T>::min() / 16};
  for (T const scale : extremes) {
    INFO("scale " << scale);
    auto const r = measure<T>({3.0 * scale, 0, -4.0 * scale});
    // Subnormal numbers carry fewer digits: their absolute error is that of the smallest of them.
    CHECK(std::abs(r.norm - 5 * scale) <=
          4 * eps * 5 * scale + 4 * std::numeric_limits<T>::denorm_min());
    CHECK(r.largest == 4 * scale);
  }
  CHECK(measure<T>({0, 0, 0}).norm == 0);
  CHECK(measure<T>({}).norm == 0);
  CHECK(measure<T>({}).largest == 0);
  CHECK(std::isnan(measure<T>({1, std::nan(""), 2}).norm));
  CHECK(std::isnan(measure<T>({1, std::nan(""), 2}).largest));
  CHECK(std::isnan(measure<T>({std::nan(""), 2}).largest));
  CHECK(std::isinf(measure<T>({1, -std::numeric_limits<double>::infinity()}).norm));
}

TEMPLATE_TEST_CASE("the power of two below a number divides without rounding", "", double, float) {
  using T = TestType;
  for (int e = std::numeric_limits<T>::min_exponent; e < std::numeric_limits<T>::max_exponent - 1;
       e += 3)
    for (T const m : {T(1), T(1.5), std::nextafter(T(2), T(0)), std::nextafter(T(1), T(2))}) {
      T const x = std::ldexp(m, e), p = power_of_two_below(x);
      int exponent = 0;
      INFO("x = " << x << ", p = " << p);
      REQUIRE(std::frexp(p, &exponent) == T(0.5));
      // log2 rounds: one power to either side is as good for scaling.
      REQUIRE(x / p >= T(0.5));
      REQUIRE(x / p <= T(2));
      REQUIRE((x / p) * p == x);
      REQUIRE(power_of_two_below(-x) == p);
    }
  CHECK(power_of_two_below(T(0)) == T(1));
  CHECK(power_of_two_below(std::numeric_limits<T>::infinity()) == T(1));
  CHECK(power_of_two_below(std::numeric_limits<T>::quiet_NaN()) == T(1));
  for (T const x : {std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::min(),
                    std::numeric_limits<T>::min() / 2, std::numeric_limits<T>::max()}) {
    T const p = power_of_two_below(x);
    INFO("x = " << x);
    CHECK(p > 0);
    CHECK(std::isfinite(x / p));
    CHECK(x / p > 0);
  }
}

TEMPLATE_TEST_CASE("matrix products agree with the definition for all transposes and shapes", "",
                   double, float) {
  using T = TestType;
  struct Shape {
    int items, m, n, k;
  };
  for (auto const& s : {Shape{1, 1, 1, 1}, Shape{3, 5, 4, 7}, Shape{2, 64, 3, 2},
                        Shape{2, 65, 17, 130}, Shape{1, 200, 1, 9}})
    for (auto const ta : {Transpose::no, Transpose::yes})
      for (auto const tb : {Transpose::no, Transpose::yes})
        for (T const beta : {T(0), T(-0.5)}) {
          INFO(s.items << " items, " << s.m << " x " << s.n << " x " << s.k << " transposes "
                       << int(bool(ta)) << int(bool(tb)) << " beta " << beta);
          Blocks<T, Space> const a("test::a", s.items, bool(ta) ? s.k : s.m, bool(ta) ? s.m : s.k),
              b("test::b", s.items, bool(tb) ? s.n : s.k, bool(tb) ? s.k : s.n),
              c("test::c", s.items, s.m, s.n);
          auto const fill = [](auto const& view, int tag) {
            auto const host = Kokkos::create_mirror_view(view);
            auto const values = normals(4, tag, int(view.size()));
            for (std::size_t i = 0; i < view.size(); ++i) host.data()[i] = T(values[i]);
            Kokkos::deep_copy(view, host);
            return host;
          };
          auto const ha = fill(a, 0), hb = fill(b, 1), before = fill(c, 2);
          Blocks<T, Space> result("test::result", s.items, s.m, s.n);
          Kokkos::deep_copy(result, c);
          // beta = 0 must not read C: uninitialised memory may hold a NaN.
          if (beta == 0) Kokkos::deep_copy(result, std::numeric_limits<T>::quiet_NaN());
          batched_gemm(Space(), ta, tb, T(2), a, b, beta, result);
          auto const got = on_host(result);
          double worst = 0;
          for (int item = 0; item < s.items; ++item)
            for (int i = 0; i < s.m; ++i)
              for (int j = 0; j < s.n; ++j) {
                double sum = 0;
                for (int l = 0; l < s.k; ++l)
                  sum += double(bool(ta) ? ha(item, l, i) : ha(item, i, l)) *
                         double(bool(tb) ? hb(item, j, l) : hb(item, l, j));
                double const expected = 2 * sum + (beta == 0 ? 0 : beta * before(item, i, j));
                double const error = std::abs(double(got(item, i, j)) - expected);
                worst = error <= worst ? worst : error;
              }
          // k eps times the sum of absolute products, at most about 16 k of order-one numbers.
          CHECK(worst <= 16 * (s.k + 1) * double(std::numeric_limits<T>::epsilon()));
        }
}

TEST_CASE("a single product works on parts of larger matrices and refuses shapes that do not fit") {
  Vec const values = normals(5, 0, 12 * 12);
  auto const whole = to_matrices({values}, 12);
  auto const square = Kokkos::subview(whole, 0, Kokkos::ALL, Kokkos::ALL);
  auto const a = Kokkos::subview(square, std::pair(1, 5), std::pair(2, 9));
  auto const b = Kokkos::subview(square, std::pair(3, 10), std::pair(0, 3));
  Kokkos::View<double**, Kokkos::LayoutRight, Space> const c("test::c", 4, 3);
  gemm(Space(), Transpose::no, Transpose::no, 1.0, a, b, 0.0, c);
  auto const got = on_host(c);
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 3; ++j) {
      double sum = 0;
      for (int l = 0; l < 7; ++l) sum += values[(i + 1) * 12 + l + 2] * values[(l + 3) * 12 + j];
      CHECK(std::abs(got(i, j) - sum) <= 1e-14);  // 7 products of order one
    }
  CHECK_THROWS_AS(gemm(Space(), Transpose::yes, Transpose::no, 1.0, a, b, 0.0, c),
                  std::invalid_argument);
  CHECK_THROWS_AS(batched_gemm(Space(), Transpose::no, Transpose::no, 1.0, whole,
                               Blocks<double, Space>("x", 2, 12, 12), 0.0, whole),
                  std::invalid_argument);
}

TEST_CASE("an explicit operator multiplies the same in each layout and by team or in bulk") {
  int const items = 3, columns = 2, n = 9;
  std::vector<Vec> matrices;
  for (int item = 0; item < items; ++item) {
    Vec m = normals(6, item, n * n);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < i; ++j) m[i * n + j] = m[j * n + i];
    matrices.push_back(m);
  }
  auto const right = to_matrices(matrices, n);
  Kokkos::View<double***, Kokkos::LayoutLeft, Space> const left("test::left", items, n, n);
  Kokkos::deep_copy(left, right);
  Blocks<double, Space> const x("test::x", items, columns, n);
  auto const hx = Kokkos::create_mirror_view(x);
  auto const values = normals(7, 0, int(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) hx.data()[i] = values[i];
  Kokkos::deep_copy(x, hx);
  Blocks<double, Space> const by_right("test::y", items, columns, n),
      by_left("test::y", items, columns, n);
  DenseOperator const r(right);
  DenseOperator const l(left);
  apply_block(Space(), r, Blocks<double const, Space>(x), by_right);
  apply_block(Space(), l, Blocks<double const, Space>(x), by_left);
  auto const a = to_host(Space(), by_right), b = to_host(Space(), by_left);
  for (int item = 0; item < items; ++item)
    for (int c = 0; c < columns; ++c)
      for (int i = 0; i < n; ++i) {
        double sum = 0;
        for (int j = 0; j < n; ++j) sum += matrices[item][i * n + j] * hx(item, c, j);
        CHECK(std::abs(a(item, c, i) - sum) <= 64 * n * 2.2e-16);
        CHECK(std::abs(b(item, c, i) - sum) <= 64 * n * 2.2e-16);
      }
  CHECK_THROWS_AS(DenseOperator(Blocks<double, Space>("test::oblong", 1, 2, 3)),
                  std::invalid_argument);
}
