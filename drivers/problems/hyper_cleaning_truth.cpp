// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/problems/hyper_cleaning_truth.hpp>

#include "host.hpp"
#include <cblas.h>
#include <lapacke.h>

#include <cmath>

namespace minfold {
namespace {

using Numbers = std::vector<double>;
using impl::plus, impl::product, impl::transposed;

/// A = Q diag(s) Q^T, ascending; the columns of Q are the rows of `q`. What is below `cut` of the
/// largest is the kernel.
struct Eigen {
  int n = 0, nullity = 0;
  Numbers q, s;

  Eigen(int size, Numbers a, double cut) : n(size), q(std::move(a)), s(std::size_t(size)) {
    int const info = LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'U', n, q.data(), n, s.data());
    MINFOLD_REQUIRE(info == 0, "hyper-cleaning truth: dsyev ended with ", info);
    while (nullity < n && s[std::size_t(nullity)] <= cut * s.back()) ++nullity;
  }
  /// A^+ B, B is n x columns.
  Numbers solve(int columns, Numbers const& b) const {
    auto coefficients = product(n, n, columns, q, b);
    for (int e = 0; e < n; ++e)
      for (int c = 0; c < columns; ++c) {
        double& entry = coefficients[std::size_t(e) * columns + c];
        entry = e < nullity ? 0 : entry / s[e];
      }
    return product(n, n, columns, transposed(n, n, q), coefficients);
  }
};

Numbers unit_rows(std::vector<int> const& labels, int classes) {
  Numbers y(labels.size() * std::size_t(classes), 0.0);
  for (std::size_t i = 0; i < labels.size(); ++i) y[i * classes + labels[i]] = 1;
  return y;
}

/// X^T diag(w) B, rows of X and B are samples.
Numbers weighted_product(int rows, int p, int columns, Numbers const& x, Numbers const& w,
                         Numbers b) {
  for (int i = 0; i < rows; ++i)
    for (int c = 0; c < columns; ++c) b[std::size_t(i) * columns + c] *= w[i];
  Numbers out(std::size_t(p) * columns);
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, p, columns, rows, 1, x.data(), p, b.data(),
              columns, 0, out.data(), columns);
  return out;
}

/// What depends on x alone: A W = B are the normal equations of the lower level, W is p x classes.
struct NormalEquations {
  Numbers w, slope, y, b;
  Eigen a;

  NormalEquations(CleaningData const& data, CleaningModel const& model, Numbers const& x)
      : w(x.size()),
        slope(x.size()),
        y(unit_rows(data.train_labels, data.classes)),
        a(make(data, model, x)) {
    b = weighted_product(data.train_size(), data.features, data.classes, data.train, w, y);
  }

 private:
  Eigen make(CleaningData const& data, CleaningModel const& model, Numbers const& x) {
    MINFOLD_REQUIRE(model.loss == CleaningLoss::squared,
                    "hyper-cleaning has a closed form with the squared loss only");
    int const n = data.train_size(), p = data.features;
    impl::check_size("x", x, n);
    Numbers curvature(x.size());
    for (int i = 0; i < n; ++i) {
      double const sigmoid = 1 / (1 + std::exp(-x[i]));
      w[i] = sigmoid / n;
      slope[i] = sigmoid * (1 - sigmoid) / n;
      curvature[i] = w[i] + model.ridge / n;
    }
    auto gram = weighted_product(n, p, p, data.train, curvature, data.train);
    for (int j = 0; j < p; ++j) gram[std::size_t(j) * p + j] += 2 * model.decay;
    return Eigen(p, std::move(gram), 1e-12);
  }
};

}  // namespace

Truth squared_cleaning_truth(CleaningData const& data, CleaningModel const& model,
                             Numbers const& x) {
  NormalEquations const lower(data, model, x);
  int const n = data.train_size(), m = data.validation_size(), p = data.features,
            classes = data.classes, free = lower.a.nullity;
  double const selection = model.decay > 0 ? 0 : model.selection;
  auto w = lower.a.solve(classes, lower.b);
  auto const y_v = unit_rows(data.validation_labels, classes);
  Truth truth;
  bool unique = true;
  double penalty = 0;
  Numbers const mean(std::size_t(m), 1.0 / m);
  if (free > 0) {  // W + K B, the columns of K span the kernel
    Numbers const kt(lower.a.q.begin(), lower.a.q.begin() + long(free) * p);
    auto const k = transposed(free, p, kt);
    auto const seen = product(m, p, free, data.validation, k);
    auto const left = plus(y_v, -1, product(m, p, classes, data.validation, w));
    auto gram = weighted_product(m, free, free, seen, mean, seen);
    for (int j = 0; j < free; ++j) gram[std::size_t(j) * free + j] += selection;
    Eigen const inner(free, gram, 1e-12);
    unique = inner.nullity == 0;
    auto const b = inner.solve(classes, weighted_product(m, free, classes, seen, mean, left));
    penalty = 0.5 * selection * impl::inner(b, b);
    w = plus(w, 1, product(p, free, classes, k, b));
  }
  auto const e = plus(product(m, p, classes, data.validation, w), -1, y_v);
  truth.upper = 0.5 * impl::inner(e, e) / m + penalty;
  auto const v = lower.a.solve(classes, weighted_product(m, p, classes, data.validation, mean, e));
  auto const xv = product(n, p, classes, data.train, v);
  auto const r = plus(product(n, p, classes, data.train, w), -1, lower.y);
  truth.gradient.assign(std::size_t(n), 0.0);
  for (int i = 0; i < n; ++i)
    for (int c = 0; c < classes; ++c) {
      auto const t = std::size_t(i) * classes + c;
      truth.gradient[i] -= lower.slope[i] * xv[t] * r[t];
    }
  // Selections that are not unique differ by what no sample sees, and give the same hypergradient.
  if (unique) truth.selection = transposed(p, classes, w);
  return truth;
}

double squared_cleaning_distance(CleaningData const& data, CleaningModel const& model,
                                 Numbers const& x, Numbers const& y) {
  NormalEquations const lower(data, model, x);
  int const p = data.features, classes = data.classes;
  impl::check_size("y", y, classes * p);
  auto const off = plus(transposed(classes, p, y), -1, lower.a.solve(classes, lower.b));
  Numbers const kt(lower.a.q.begin(), lower.a.q.begin() + long(lower.a.nullity) * p);
  int const free = lower.a.nullity;
  auto const along = product(free, p, classes, kt, off);
  return impl::length(plus(off, -1, product(p, free, classes, transposed(free, p, kt), along)));
}

}  // namespace minfold
