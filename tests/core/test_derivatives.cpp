// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/derivatives.hpp>

#include "support/host.hpp"
#include <catch2/catch_test_macros.hpp>

using namespace minfold;
using namespace minfold::test;

namespace {

/// g = sum_i exp(y_i y_{i+1} / 4) + x_{i mod m} sin(y_i)  (i + 1 modulo d),  f = 0.5 ||y||^2 cos(x_0) + x_1 y_0.
struct ObjectiveOnly {
  static constexpr int m = 3, d = 7;
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return m; }
  KOKKOS_FUNCTION int dim_y() const { return d; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const& x, Y const& y) const {
    auto sum = exp(0.25 * y(0) * y(1)) + x(0) * sin(y(0));
    for (int i = 1; i < d; ++i)
      sum = sum + exp(0.25 * y(i) * y((i + 1) % d)) + x(i % m) * sin(y(i));
    return sum;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    auto sum = y(0) * y(0);
    for (int i = 1; i < d; ++i) sum = sum + y(i) * y(i);
    return 0.5 * sum * cos(x(0)) + x(1) * y(0);
  }
};

struct WrittenGradients : ObjectiveOnly {
  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void lower_gradient(Team const& team, int, X const& x, Y const& y,
                                      Sink const& sink) const {
    team_for(team, d, [&](int i) {
      auto const next = y((i + 1) % d), last = y((i + d - 1) % d);
      sink(i, 0.25 * (next * exp(0.25 * y(i) * next) + last * exp(0.25 * last * y(i))) +
                  x(i % m) * cos(y(i)));
    });
  }
  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void lower_gradient_x(Team const& team, int, X const&, Y const& y,
                                        Sink const& sink) const {
    team_for(team, m, [&](int j) {
      auto sum = sin(y(j));
      for (int i = j + m; i < d; i += m) sum = sum + sin(y(i));
      sink(j, sum);
    });
  }
  template <class Team, class X, class Y, class Sink>
  KOKKOS_FUNCTION void upper_gradient(Team const& team, int, X const& x, Y const& y,
                                      Sink const& sink) const {
    team_for(team, d, [&](int i) { sink(i, y(i) * cos(x(0)) + (i == 0 ? 1.0 : 0.0) * x(1)); });
  }
};

enum Row { lower_y, lower_x, upper_y, upper_x, product, third, mixed, mixed_upper, rows };

template <class P>
Vectors<double, Space> derivatives(P const& p, Vec const& x, Vec const& y, Vec const& v,
                                   Vec const& u) {
  Vectors<double, Space> const out("test::out", int(rows), P::d);
  auto const xs = to_vectors({x}), ys = to_vectors({y, v, u});
  for_each_item(
      "test::derivatives", Space(), 1, P::d, KOKKOS_LAMBDA(TeamMember<Space> const& team, int) {
        auto const a = Kokkos::subview(xs, 0, Kokkos::ALL), b = Kokkos::subview(ys, 0, Kokkos::ALL),
                   dir = Kokkos::subview(ys, 1, Kokkos::ALL),
                   other = Kokkos::subview(ys, 2, Kokkos::ALL);
        auto const to = [&](int r) { return Kokkos::subview(out, r, Kokkos::ALL); };
        gradient<Lower>(team, p, 0, a, b, to(lower_y));
        upper_variable_gradient<Lower>(team, p, 0, a, b, to(lower_x));
        gradient<Upper>(team, p, 0, a, b, to(upper_y));
        upper_variable_gradient<Upper>(team, p, 0, a, b, to(upper_x));
        hessian_product<Lower>(team, p, 0, a, b, dir, to(product));
        third_product<Lower>(team, p, 0, a, b, other, dir, to(third));
        mixed_product<Lower>(team, p, 0, a, b, dir, to(mixed));
        mixed_product<Upper>(team, p, 0, a, b, dir, to(mixed_upper));
      });
  Kokkos::fence("test");
  return out;
}

}  // namespace

TEST_CASE("derivatives from the objective and from a written gradient agree to rounding") {
  int const d = ObjectiveOnly::d;
  Vec const x{0.3, -1.1, 0.8}, y = normals(1, 0, d), v = normals(1, 1, d), u = normals(1, 2, d);
  auto const a = on_host(derivatives(ObjectiveOnly{}, x, y, v, u));
  auto const b = on_host(derivatives(WrittenGradients{}, x, y, v, u));
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < d; ++i) {
      INFO("row " << r << " component " << i);
      // 64 eps: a dozen operations on numbers of order ten.
      CHECK(std::abs(a(r, i) - b(r, i)) <= 64 * 2.2e-16 * (10 + std::abs(a(r, i))));
    }
}

TEST_CASE("derivatives have their closed form") {
  int const d = ObjectiveOnly::d, m = ObjectiveOnly::m;
  Vec const x{0.3, -1.1, 0.8}, y = normals(2, 0, d), v = normals(2, 1, d), u = normals(2, 2, d);
  auto const out = on_host(derivatives(ObjectiveOnly{}, x, y, v, u));
  // Term (i, i+1): e = exp(s t / 4); derivatives in s and t by hand.
  Vec h(d), t(d), g(d);
  for (int i = 0; i < d; ++i) {
    int const n = (i + 1) % d;
    double const s = y[i], r = y[n], e = std::exp(s * r / 4);
    double const ss = r * r / 16, rr = s * s / 16, sr = 0.25 + s * r / 16;
    g[i] += e * r / 4;
    g[n] += e * s / 4;
    h[i] += e * (ss * v[i] + sr * v[n]);
    h[n] += e * (sr * v[i] + rr * v[n]);
    double const sss = r * r * r / 64, ssr = r / 8 + s * r * r / 64, srr = s / 8 + r * s * s / 64,
                 rrr = s * s * s / 64;
    t[i] += e * (sss * v[i] * u[i] + ssr * (v[i] * u[n] + v[n] * u[i]) + srr * v[n] * u[n]);
    t[n] += e * (ssr * v[i] * u[i] + srr * (v[i] * u[n] + v[n] * u[i]) + rrr * v[n] * u[n]);
    g[i] += x[i % m] * std::cos(y[i]);
    h[i] -= x[i % m] * std::sin(y[i]) * v[i];
    t[i] -= x[i % m] * std::cos(y[i]) * v[i] * u[i];
  }
  Vec gx(m), mx(m);
  for (int i = 0; i < d; ++i) {
    gx[i % m] += std::sin(y[i]);
    mx[i % m] += std::cos(y[i]) * v[i];
  }
  double const tolerance = 64 * 2.2e-16;
  for (int i = 0; i < d; ++i) {
    CHECK(std::abs(out(lower_y, i) - g[i]) <= tolerance * (10 + std::abs(g[i])));
    CHECK(std::abs(out(product, i) - h[i]) <= tolerance * (10 + std::abs(h[i])));
    CHECK(std::abs(out(third, i) - t[i]) <= tolerance * (10 + std::abs(t[i])));
    double const f = y[i] * std::cos(x[0]) + (i == 0 ? x[1] : 0);
    CHECK(std::abs(out(upper_y, i) - f) <= tolerance * 10);
  }
  for (int j = 0; j < m; ++j) {
    CHECK(std::abs(out(lower_x, j) - gx[j]) <= tolerance * 10);
    CHECK(std::abs(out(mixed, j) - mx[j]) <= tolerance * 10);
  }
  CHECK(std::abs(out(upper_x, 0) + 0.5 * dot(y, y) * std::sin(x[0])) <= tolerance * 10);
  CHECK(std::abs(out(upper_x, 1) - y[0]) <= tolerance * 10);
  CHECK(out(upper_x, 2) == 0.0);
  CHECK(std::abs(out(mixed_upper, 0) + dot(y, v) * std::sin(x[0])) <= tolerance * 10);
  CHECK(std::abs(out(mixed_upper, 1) - v[0]) <= tolerance * 10);
}

TEST_CASE("the Hessian product is symmetric and the third product is symmetric in all arguments") {
  int const d = ObjectiveOnly::d;
  Vec const x{0.1, 0.2, -0.9}, y = normals(3, 0, d), v = normals(3, 1, d), u = normals(3, 2, d);
  auto const vu = on_host(derivatives(WrittenGradients{}, x, y, v, u));
  auto const uv = on_host(derivatives(WrittenGradients{}, x, y, u, v));
  double const tolerance = 64 * 2.2e-16 * 100;
  CHECK(std::abs(dot(row(vu, product), u) - dot(row(uv, product), v)) <= tolerance);
  for (int i = 0; i < d; ++i) CHECK(std::abs(vu(third, i) - uv(third, i)) <= tolerance);
}
