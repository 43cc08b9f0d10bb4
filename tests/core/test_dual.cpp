// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/dual.hpp>
#include <minfold/core/seeded.hpp>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <functional>

using minfold::Dual;

namespace {

using One = Dual<double>;
using Two = Dual<One>;
using Three = Dual<Two>;

/// x with unit seeds at every level: eps, eps.eps, eps.eps.eps are the derivatives.
Three thrice(double x) {
  Two two;
  two.value.value = x;
  two.value.eps[0] = two.eps[0].value = 1;
  Three r;
  r.value = two;
  r.eps[0].value.value = 1;
  return r;
}

using Plain = std::function<double(double)>;

template <class F>
void agrees(char const* name, F const& f, double x, double f0, double f1, double f2, double f3) {
  INFO(name << " at " << x);
  Three const r = f(thrice(x));
  // 8 eps a nesting level for quotients and roots; measured below 3 eps.
  auto const near = [](double expected) {
    return Catch::Approx(expected).epsilon(3e-14).margin(1e-14);
  };
  CHECK(r.value.value.value == near(f0));
  CHECK(r.eps[0].value.value == near(f1));
  CHECK(r.value.eps[0].value == near(f1));
  CHECK(r.value.value.eps[0] == near(f1));
  CHECK(r.eps[0].eps[0].value == near(f2));
  CHECK(r.value.eps[0].eps[0] == near(f2));
  CHECK(r.eps[0].eps[0].eps[0] == near(f3));
}

}  // namespace

TEST_CASE("dual numbers give the closed-form derivatives of every function, up to the third") {
  for (double const x : {0.3, 1.7, 5.0}) {
    double const e = std::exp(x), s = std::sin(x), c = std::cos(x), t = std::tanh(x);
    agrees("exp", [](auto const& a) { return exp(a); }, x, e, e, e, e);
    agrees(
        "log", [](auto const& a) { return log(a); }, x, std::log(x), 1 / x, -1 / (x * x),
        2 / (x * x * x));
    agrees(
        "sqrt", [](auto const& a) { return sqrt(a); }, x, std::sqrt(x), 0.5 / std::sqrt(x),
        -0.25 * std::pow(x, -1.5), 0.375 * std::pow(x, -2.5));
    agrees("sin", [](auto const& a) { return sin(a); }, x, s, c, -s, -c);
    agrees("cos", [](auto const& a) { return cos(a); }, x, c, -s, -c, s);
    double const u = 1 - t * t;
    // In the formula for tanh'' the factor u = 1 - t^2 cancels near t = 1.
    if (x < 2)
      agrees(
          "tanh", [](auto const& a) { return tanh(a); }, x, t, u, -2 * t * u,
          -2 * u * (u - 2 * t * t));
    agrees(
        "power 5", [](auto const& a) { return minfold::power(a, 5); }, x, std::pow(x, 5),
        5 * std::pow(x, 4), 20 * std::pow(x, 3), 60 * x * x);
    agrees(
        "quotient", [](auto const& a) { return 1.0 / (a * a); }, x, std::pow(x, -2),
        -2 * std::pow(x, -3), 6 * std::pow(x, -4), -24 * std::pow(x, -5));
    agrees(
        "polynomial", [](auto const& a) { return 2.0 - a * 3.0 + (a - 1) * (+a) * a / 4; }, x,
        2 - 3 * x + (x - 1) * x * x / 4, -3 + (3 * x * x - 2 * x) / 4, (6 * x - 2) / 4, 1.5);
    agrees(
        "chain", [](auto const& a) { return exp(-(a * a)); }, x, std::exp(-x * x),
        -2 * x * std::exp(-x * x), (4 * x * x - 2) * std::exp(-x * x),
        (12 * x - 8 * x * x * x) * std::exp(-x * x));
    agrees("abs", [](auto const& a) { return abs(-a); }, x, x, 1, 0, 0);
    agrees(
        "max", [](auto const& a) { return minfold::max(a * a, a - 1.0); }, x, x * x, 2 * x, 2, 0);
    agrees("min", [](auto const& a) { return minfold::min(a * a, a - 1.0); }, x, x - 1, 1, 0, 0);
  }
}

TEST_CASE("compound assignment of duals is the binary operation") {
  One a(3.0), b(2.0);
  a.eps[0] = 1;
  b.eps[0] = -4;
  One sum = a, difference = a, product = a, quotient = a;
  sum += b;
  difference -= b;
  product *= b;
  quotient /= b;
  CHECK(sum.value == 5.0);
  CHECK(sum.eps[0] == -3.0);
  CHECK(difference.value == 1.0);
  CHECK(difference.eps[0] == 5.0);
  CHECK(product.value == 6.0);
  CHECK(product.eps[0] == 2.0 - 12.0);
  CHECK(quotient.value == 1.5);
  CHECK(quotient.eps[0] == 0.5 + 3.0 * 4.0 / 4.0);
}

TEST_CASE("kinks and poles follow the documented branch") {
  One zero(0.0);
  zero.eps[0] = 1;
  CHECK(abs(zero).value == 0.0);
  CHECK(abs(zero).eps[0] == 0.0);
  CHECK(std::isinf(sqrt(zero).eps[0]));
  CHECK(minfold::power(zero, 0).value == 1.0);
  CHECK(minfold::power(zero, 1).eps[0] == 1.0);
  CHECK(minfold::power(zero, 2).eps[0] == 0.0);
  One first(2.0), second(2.0);
  first.eps[0] = 1;
  second.eps[0] = -1;
  CHECK(minfold::max(first, second).eps[0] == 1.0);
  CHECK(minfold::min(first, second).eps[0] == 1.0);
  CHECK_FALSE(first < second);
  CHECK(first <= second);
  CHECK(first >= second);
  CHECK(One(1.0) < first);
  CHECK(first > 1.0);
  // A NaN orders with nothing.
  One const nan(std::nan(""));
  CHECK_FALSE(nan < first);
  CHECK_FALSE(nan >= first);
  // And hides in no branch.
  CHECK(std::isnan(abs(nan).value));
  for (auto const& [a, b] : {std::pair(nan, first), {first, nan}, {nan, nan}}) {
    CHECK(std::isnan(minfold::max(a, b).value));
    CHECK(std::isnan(minfold::min(a, b).value));
  }
  CHECK(std::isnan(minfold::max(std::nan(""), 1.0)));
  CHECK(std::isnan(minfold::min(1.0, std::nan(""))));
  // Where x does not change: 0 * infinity.
  CHECK(std::isnan(sqrt(One(0.0)).eps[0]));
}

TEST_CASE("several directions at once equal single directions") {
  auto const f = [](auto const& x) { return exp(x(0)) * x(1) / (1.0 + x(2) * x(2)) + sin(x(3)); };
  double const y[] = {0.2, -1.3, 0.7, 2.0};
  auto const point = [&](int i) { return y[i]; };
  for (int first : {0, 2}) {
    auto const block = f(minfold::one_hot<2>(point, first));
    for (int j = 0; j < 2; ++j) {
      auto const single =
          f(minfold::seeded(point, [&](int i) { return i == first + j ? 1.0 : 0.0; }));
      CHECK(block.eps[j] == single.eps[0]);
      CHECK(block.value == single.value);
    }
  }
  auto const constant = f(minfold::lifted<Dual<double, 3>>(point));
  for (double e : constant.eps) CHECK(e == 0.0);
}

TEST_CASE("plain numbers and inner duals convert to constants") {
  Two const seven = 7;
  CHECK(minfold::plain_value(seven) == 7.0);
  CHECK(seven.eps[0].value == 0.0);
  One inner(2.0);
  inner.eps[0] = 5;
  Two const outer = inner;
  CHECK(outer.value.eps[0] == 5.0);
  CHECK(outer.eps[0].value == 0.0);
  static_assert(std::is_same_v<minfold::plain_t<Three>, double>);
  static_assert(std::is_same_v<minfold::plain_t<Dual<float, 4>>, float>);
  Dual<float> const single = Dual<float>(2.0f) * 0.5;
  CHECK(single.value == 1.0f);
}
