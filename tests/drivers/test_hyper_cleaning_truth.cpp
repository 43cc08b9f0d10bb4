// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/hyper_cleaning_metrics.hpp>

#include "test_hyper_cleaning.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <lapacke.h>

namespace {

using namespace hyper_cleaning_test;
using minfold::CleaningLoss;
using minfold::CleaningModel;

struct Spectrum {
  Host values, vectors;  ///< ascending; vector e in vectors[e n], ..., vectors[e n + n - 1]
};

Spectrum spectrum(Host matrix, int n) {
  Spectrum s{Host(std::size_t(n)), {}};
  REQUIRE(LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'U', n, matrix.data(), n, s.values.data()) == 0);
  s.vectors = std::move(matrix);
  return s;
}

int rank_of(Spectrum const& s) {
  return int(std::count_if(s.values.begin(), s.values.end(),
                           [&](double e) { return e > 1e-11 * s.values.back(); }));
}

/// H^+ b
Host pseudo_solve(Spectrum const& s, Host const& b) {
  std::size_t const n = b.size();
  Host v(n, 0);
  for (std::size_t e = n - std::size_t(rank_of(s)); e < n; ++e) {
    Host const q(s.vectors.begin() + long(e * n), s.vectors.begin() + long((e + 1) * n));
    v = shifted(std::move(v), dot(q, b) / s.values[e], q);
  }
  return v;
}

int rank_of_rows(Host a, int columns) {
  int const rows = int(a.size()) / columns;
  Host s(std::size_t(std::min(rows, columns)));
  REQUIRE(LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'N', rows, columns, a.data(), columns, s.data(), nullptr,
                         columns, nullptr, columns) == 0);
  return int(std::count_if(s.begin(), s.end(), [&](double v) { return v > 1e-10 * s[0]; }));
}

/// Newton steps from y with the pseudoinverse: stays in y + range H.
Host lower_minimum(Bench<> const& b, Host const& x, Host y) {
  for (int it = 0; it < 30; ++it) {
    Host const g = b.lower_gradient(x, y);
    if (norm(g) < 1e-13) break;
    Host const step = pseudo_solve(spectrum(b.dense_lower_hessian(x, y), b.d()), g);
    double t = 1;
    while (t > 1e-3 && b.lower(x, shifted(y, -t, step)) > b.lower(x, y) + 1e-14) t /= 2;
    y = shifted(std::move(y), -t, step);
  }
  return y;
}

/// -G^T H^+ grad f: grad_x f is 0.
Host hypergradient(Bench<> const& b, Host const& x, Host const& y) {
  auto const h = spectrum(b.dense_lower_hessian(x, y), b.d());
  Host g = b.mixed(x, y, pseudo_solve(h, b.upper_gradient(x, y)));
  for (double& v : g) v = -v;
  return g;
}

}  // namespace

TEST_CASE("the lower Hessian of hyper-cleaning has exactly the kernel of shifts and dead pixels") {
  minfold::CleaningOptions options;
  options.train = GENERATE(30, 300);
  options.blind = 2;
  auto const data = digits(options);
  CleaningModel model;
  model.loss = GENERATE(CleaningLoss::softmax, CleaningLoss::squared);
  bool const softmax = model.loss == CleaningLoss::softmax;
  CAPTURE(options.train, softmax);
  Bench<> const b(data, model);
  int const p = data.features, classes = data.classes;
  int const rank = rank_of_rows(data.train, p);
  CHECK(rank < p);
  CHECK(b.problem.unseen_features() == p - rank);
  Host const x = normals(b.m(), 1), y = normals(b.d(), 2, 0.3);
  auto const h = spectrum(b.dense_lower_hessian(x, y), b.d());
  CHECK(rank_of(h) == (classes - (softmax ? 1 : 0)) * rank);

  Host const row = normals(p, 3);
  Host shift, dead(b.d(), 0);
  for (int c = 0; c < classes; ++c) shift.insert(shift.end(), row.begin(), row.end());
  for (int j = 0; j < p; ++j) {
    bool lit = false;
    for (int i = 0; i < options.train; ++i) lit = lit || data.train[std::size_t(i) * p + j] != 0;
    if (!lit) dead[std::size_t(3 * p + j)] = row[j];
  }
  REQUIRE(norm(dead) > 0);
  double const rounding = 1e-14 * h.values.back();
  CHECK(norm(b.lower_hessian(x, y, dead)) == 0);
  CHECK(gap(b.lower_gradient(x, y), b.lower_gradient(x, shifted(y, 5, dead))) == 0);
  if (softmax) {
    CHECK(norm(b.lower_hessian(x, y, shift)) <= rounding * norm(shift));
    CHECK(gap(b.lower_gradient(x, y), b.lower_gradient(x, shifted(y, 5, shift))) <= 1e-13);
    CHECK(norm(b.third(x, y, shift, y)) <= rounding * norm(shift) * norm(y));
  } else {
    CHECK(norm(b.lower_hessian(x, y, shift)) > 1e-3 * h.values.back());
  }

  SECTION("f penalizes these directions and no others") {
    CleaningModel without = model;
    without.selection = 0;
    Bench<> const bare(data, without);
    Host const free = shifted(dead, softmax ? 1 : 0, shift);
    // (1/2) selection |Q v|^2, Q v = v in the kernel.
    CHECK(std::abs(b.upper(x, free) - bare.upper(x, free) -
                   0.5 * model.selection * dot(free, free)) <= 1e-12 * dot(free, free));
    Host const in_range = b.lower_hessian(x, y, y);
    CHECK(std::abs(b.upper(x, in_range) - bare.upper(x, in_range)) <= 1e-14);
    CHECK(gap(b.upper_gradient(x, in_range), bare.upper_gradient(x, in_range)) <= 1e-14);
  }
}

TEST_CASE("the hypergradient of squared hyper-cleaning is the closed form") {
  // pool 4: 2 x 2 pixels and a bias, all lit, so that X^T D X is invertible.
  auto options = small_options();
  options.pool = 4;
  auto const data = digits(options);
  CleaningModel model;
  model.loss = CleaningLoss::squared;
  model.ridge = GENERATE(0.0, 0.1);
  Bench<> const b(data, model);
  int const n = data.train_size(), mv = data.validation_size(), p = data.features,
            classes = data.classes;
  REQUIRE(b.problem.unseen_features() == 0);
  Host const x = normals(b.m(), 1);

  // With w = sigmoid(x), D = diag(w + ridge):  W(x)^T = (X^T D X)^{-1} X^T diag(w) Y,
  //   V = (X^T D X)^{-1} X_val^T (X_val W^T - Y_val) / M,
  //   dF/dx_i = -sigmoid'(x_i) < V^T a_i, W a_i - y_i >:
  // the penalty joins the Hessian, but does not depend on x and leaves the last line as it is.
  Host gram(std::size_t(p * p), 0), w(std::size_t(p * classes), 0), v(std::size_t(p * classes), 0);
  Host weight(n), slope(n);
  for (int i = 0; i < n; ++i) {
    weight[i] = 1 / (1 + std::exp(-x[i]));
    slope[i] = weight[i] * (1 - weight[i]);
    double const* const a = &data.train[std::size_t(i) * p];
    for (int j = 0; j < p; ++j) {
      for (int k = 0; k < p; ++k) gram[j * p + k] += (weight[i] + model.ridge) * a[j] * a[k];
      w[j * classes + data.train_labels[i]] += weight[i] * a[j];
    }
  }
  Host factor = gram;
  REQUIRE(LAPACKE_dposv(LAPACK_ROW_MAJOR, 'U', p, classes, factor.data(), p, w.data(), classes) ==
          0);
  auto const residual = [&](double const* a, int label, int c) {
    double z = 0;
    for (int j = 0; j < p; ++j) z += a[j] * w[j * classes + c];
    return z - (c == label);
  };
  for (int i = 0; i < mv; ++i) {
    double const* const a = &data.validation[std::size_t(i) * p];
    for (int c = 0; c < classes; ++c)
      for (int j = 0; j < p; ++j)
        v[j * classes + c] += a[j] * residual(a, data.validation_labels[i], c) / mv;
  }
  factor = gram;
  REQUIRE(LAPACKE_dposv(LAPACK_ROW_MAJOR, 'U', p, classes, factor.data(), p, v.data(), classes) ==
          0);
  Host expected(n, 0);
  for (int i = 0; i < n; ++i) {
    double const* const a = &data.train[std::size_t(i) * p];
    for (int c = 0; c < classes; ++c) {
      double along = 0;
      for (int j = 0; j < p; ++j) along += a[j] * v[j * classes + c];
      expected[i] -= slope[i] * along * residual(a, data.train_labels[i], c);
    }
  }

  Host const y = lower_minimum(b, x, Host(b.d(), 0));
  for (int c = 0; c < classes; ++c)
    for (int j = 0; j < p; ++j) CHECK(std::abs(y[c * p + j] - w[j * classes + c]) <= 1e-10);
  CHECK(gap(hypergradient(b, x, y), expected) <= 1e-9 * norm(expected));
}

TEST_CASE("the hypergradient of softmax hyper-cleaning is the slope of F, wherever on S(x)") {
  auto options = small_options();
  options.blind = GENERATE(0, 2);
  CleaningModel model;
  model.ridge = 0.05;
  Bench<> const b(digits(options), model);
  Host const x = normals(b.m(), 1), dx = normals(b.m(), 2);

  // Select along S(x) = y + ker H: Newton steps of f in the kernel, whose basis does not move.
  auto const select = [&](Host const& at) {
    Host y = lower_minimum(b, at, Host(b.d(), 0));
    auto const h = spectrum(b.dense_lower_hessian(at, y), b.d());
    int const k = b.d() - rank_of(h);
    Host const basis(h.vectors.begin(), h.vectors.begin() + long(k) * b.d());
    for (int it = 0; it < 20; ++it) {
      Host const g = b.upper_gradient(at, y), hq = b.upper_hessian(at, y, basis);
      Host reduced(std::size_t(k) * k), rhs(k);
      auto const column = [&](Host const& block, int i) {
        return Host(block.begin() + long(i) * b.d(), block.begin() + long(i + 1) * b.d());
      };
      for (int i = 0; i < k; ++i) {
        rhs[i] = dot(column(basis, i), g);
        for (int j = 0; j < k; ++j) reduced[i * k + j] = dot(column(basis, i), column(hq, j));
      }
      if (norm(rhs) < 1e-13) break;
      REQUIRE(LAPACKE_dposv(LAPACK_ROW_MAJOR, 'U', k, 1, reduced.data(), k, rhs.data(), 1) == 0);
      for (int i = 0; i < k; ++i) y = shifted(std::move(y), -rhs[i], column(basis, i));
    }
    return y;
  };
  Host const y = select(x);
  double const expected = dot(hypergradient(b, x, y), dx), t = 1e-3;
  Host const forward = shifted(x, t, dx), backward = shifted(x, -t, dx);
  double const difference =
      (b.upper(forward, select(forward)) - b.upper(backward, select(backward))) / (2 * t);
  INFO(expected << " and " << difference);
  CHECK(std::abs(expected - difference) <= 1e-5 * std::abs(difference));

  if (options.blind == 0) {
    // All points of S(x) are related by a symmetry of f and g.
    Host shifted = y, row = normals(b.d() / 10, 5);
    for (std::size_t i = 0; i < shifted.size(); ++i) shifted[i] += row[i % row.size()];
    CHECK(gap(hypergradient(b, x, y), hypergradient(b, x, shifted)) <=
          1e-9 * norm(hypergradient(b, x, y)));
  }
}

TEST_CASE("training with equal weights ends at the minimum of least norm") {
  minfold::CleaningOptions options;
  options.train = 300;
  auto const data = digits(options);
  CleaningModel const model;
  Bench<> const b(data, model);
  Host const x(b.m(), 40);
  Host const start = b.lower_gradient(x, Host(b.d(), 0));
  Host const y = minfold::train_equally_weighted(data, data.train_labels, model);
  CHECK(norm(b.lower_gradient(x, y)) <= 1e-7 * norm(start));
  // Nothing in the kernel: f does not feel its selection term.
  CleaningModel heavy = model;
  heavy.selection = 1e3;
  CHECK(std::abs(Bench<>(data, heavy).upper(x, y) - b.upper(x, y)) <= 1e-9);
}
