// SPDX-License-Identifier: Apache-2.0
#include "test_hyper_cleaning.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

namespace {

using namespace hyper_cleaning_test;
using minfold::CleaningLoss;
using minfold::CleaningModel;

/// Error of central differences of `phi` at distance h against `slope`.
template <class Phi>
double difference_error(Phi const& phi, double slope, double h) {
  return std::abs((phi(h) - phi(-h)) / (2 * h) - slope);
}

/// The error falls as h^2 until rounding takes over; a wrong slope leaves it constant.
template <class Phi>
void require_slope(Phi const& phi, double slope, double scale) {
  double const coarse = difference_error(phi, slope, 1e-1),
               fine = difference_error(phi, slope, 1e-2),
               finest = difference_error(phi, slope, 1e-4);
  INFO("errors " << coarse << " " << fine << " " << finest << " of slope " << slope);
  CHECK(fine <= coarse / 50 + 1e-10 * scale);
  CHECK(finest <= 1e-7 * scale);
}

struct Case {
  CleaningLoss loss;
  int blind;
};

}  // namespace

TEST_CASE("hyper-cleaning derivatives agree with finite differences") {
  auto const [loss, blind] =
      GENERATE(Case{CleaningLoss::softmax, 0}, Case{CleaningLoss::squared, 0},
               Case{CleaningLoss::softmax, 3}, Case{CleaningLoss::squared, 3});
  CAPTURE(loss == CleaningLoss::softmax, blind);
  auto options = small_options();
  options.blind = blind;
  CleaningModel model;
  model.loss = loss;
  model.ridge = 0.1;
  model.selection = 0.3;
  Bench<> const b(digits(options), model);
  Host const x = normals(b.m(), 1), dx = normals(b.m(), 2), y = normals(b.d(), 3),
             v = normals(b.d(), 4, 0.3), w = normals(b.d(), 5, 0.3);

  SECTION("gradients are slopes of the values") {
    Host const gf = b.upper_gradient(x, y), gg = b.lower_gradient(x, y);
    require_slope([&](double t) { return b.upper(x, shifted(y, t, v)); }, dot(gf, v), norm(gf));
    require_slope([&](double t) { return b.lower(x, shifted(y, t, v)); }, dot(gg, v), norm(gg));
  }
  SECTION("Hessian products are slopes of the gradients, and symmetric") {
    Host const hf = b.upper_hessian(x, y, v), hg = b.lower_hessian(x, y, v);
    require_slope([&](double t) { return dot(w, b.upper_gradient(x, shifted(y, t, v))); },
                  dot(w, hf), norm(hf));
    require_slope([&](double t) { return dot(w, b.lower_gradient(x, shifted(y, t, v))); },
                  dot(w, hg), norm(hg));
    CHECK(std::abs(dot(w, hf) - dot(v, b.upper_hessian(x, y, w))) <= 1e-13 * norm(hf));
    CHECK(std::abs(dot(w, hg) - dot(v, b.lower_hessian(x, y, w))) <= 1e-13 * norm(hg));
  }
  SECTION("mixed products are slopes of the lower gradient along x") {
    Host const gtz = b.mixed(x, y, w);
    require_slope([&](double t) { return dot(w, b.lower_gradient(shifted(x, t, dx), y)); },
                  dot(gtz, dx), norm(gtz));
  }
  SECTION("third products are slopes of the Hessian products, and symmetric in all three") {
    Host const lambda = normals(b.d(), 6, 0.3);
    Host const t3 = b.third(x, y, lambda, v);
    require_slope([&](double t) { return dot(w, b.lower_hessian(x, shifted(y, t, lambda), v)); },
                  dot(w, t3), norm(t3) + 1e-6);
    CHECK(gap(t3, b.third(x, y, v, lambda)) <= 1e-13 * norm(t3));
    CHECK(std::abs(dot(w, t3) - dot(v, b.third(x, y, lambda, w))) <= 1e-13 * norm(t3));
    if (loss == CleaningLoss::squared)
      CHECK(norm(t3) == 0);
    else
      CHECK(norm(t3) > 1e-4);
  }
}

TEST_CASE("hyper-cleaning treats items and columns as if they were alone") {
  // 900 samples and 450 columns: more logits than one piece of scratch holds.
  minfold::CleaningOptions options;
  Bench<> const b(digits(options), CleaningModel{});
  int const items = 3, columns = 150;
  std::size_t const d = std::size_t(b.d());
  Host const x = normals(b.m(), 1), y = normals(items * d, 2), z = normals(items * d, 3),
             v = normals(items * columns * d, 4);
  auto const row = [](Host const& a, int i, std::size_t n) {
    return Host(a.begin() + long(i * n), a.begin() + long((i + 1) * n));
  };
  Host const f = b.upper_values(x, y), g = b.lower_values(x, y), gf = b.upper_gradient(x, y),
             gg = b.lower_gradient(x, y), mixed = b.mixed(x, y, z), hf = b.upper_hessian(x, y, v),
             hg = b.lower_hessian(x, y, v), t3 = b.third(x, y, z, v);
  for (int item = 0; item < items; ++item) {
    Host const one = row(y, item, d), along = row(z, item, d);
    CHECK(std::abs(f[item] - b.upper(x, one)) <= 1e-13 * f[item]);
    CHECK(std::abs(g[item] - b.lower(x, one)) <= 1e-13 * g[item]);
    CHECK(gap(row(gf, item, d), b.upper_gradient(x, one)) <= 1e-13);
    CHECK(gap(row(gg, item, d), b.lower_gradient(x, one)) <= 1e-13);
    CHECK(gap(row(mixed, item, b.m()), b.mixed(x, one, along)) <= 1e-13);
    for (int const column : {0, 77, columns - 1}) {
      int const system = item * columns + column;
      Host const vector = row(v, system, d);
      CHECK(gap(row(hf, system, d), b.upper_hessian(x, one, vector)) <= 1e-12);
      CHECK(gap(row(hg, system, d), b.lower_hessian(x, one, vector)) <= 1e-12);
      CHECK(gap(row(t3, system, d), b.third(x, one, along, vector)) <= 1e-12);
    }
  }
}

TEST_CASE("hyper-cleaning in single precision follows double precision") {
  auto const data = digits(small_options());
  CleaningModel model;
  model.loss = GENERATE(CleaningLoss::softmax, CleaningLoss::squared);
  Bench<double> const b(data, model);
  Bench<float> const s(data, model);
  Host const x = normals(b.m(), 1), y = normals(b.d(), 2), v = normals(b.d(), 3),
             lambda = normals(b.d(), 4);
  auto const close = [](Host const& one, Host const& two) {
    CHECK(gap(one, two) <= 1e-5 * norm(two));
  };
  close(s.upper_values(x, y), b.upper_values(x, y));
  close(s.lower_values(x, y), b.lower_values(x, y));
  close(s.upper_gradient(x, y), b.upper_gradient(x, y));
  close(s.lower_gradient(x, y), b.lower_gradient(x, y));
  close(s.lower_hessian(x, y, v), b.lower_hessian(x, y, v));
  close(s.upper_hessian(x, y, v), b.upper_hessian(x, y, v));
  close(s.mixed(x, y, v), b.mixed(x, y, v));
  close(s.third(x, y, lambda, v), b.third(x, y, lambda, v));
}

TEST_CASE("hyper-cleaning survives logits far out") {
  CleaningModel const model;
  Bench<float> const b(digits(small_options()), model);
  Host const x(b.m(), 5), y = normals(b.d(), 2, 1e3);
  CHECK(std::isfinite(b.upper(x, y)));
  CHECK(std::isfinite(b.lower(x, y)));
  CHECK(std::isfinite(norm(b.lower_gradient(x, y))));
  CHECK(std::isfinite(norm(b.lower_hessian(x, y, y))));
}

TEST_CASE("hyper-cleaning refuses arrays of the wrong size and keeps x in its box") {
  CleaningModel model;
  model.bound = 2;
  Bench<> const b(digits(small_options()), model);
  minfold::Scalars<double, Space> out("out", 1);
  auto const x = b.up(Host(b.m(), 3), b.m()), y = b.up(Host(b.d(), 0), b.d());
  CHECK_THROWS_AS(b.problem.lower_value(b.space, y, y, out), std::invalid_argument);
  CHECK_THROWS_AS(b.problem.upper_value(b.space, x, x, out), std::invalid_argument);
  b.problem.project_upper(b.space, x);
  Host const projected = b.down(x);
  CHECK(projected == Host(b.m(), 2));
  auto const first = b.up(Host(2 * b.d(), 0), b.d()), again = b.up(Host(2 * b.d(), 0), b.d());
  b.problem.random_lower(b.space, {3, minfold::Stream::restart, 0, 0, 0}, first);
  b.problem.random_lower(b.space, {3, minfold::Stream::restart, 0, 0, 0}, again);
  CHECK(b.down(first) == b.down(again));
  double const size = norm(b.down(first)) / std::sqrt(2.0 * b.d());
  CHECK(size > 0.08);
  CHECK(size < 0.12);
}
