// SPDX-License-Identifier: Apache-2.0
// The stages of HG-MS together, against the closed form of hyper-cleaning with the squared loss.
#include <minfold/drivers/hgms.hpp>
#include <minfold/problems/hyper_cleaning.hpp>

#include "test_hyper_cleaning.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <lapacke.h>

namespace {

using namespace hyper_cleaning_test;

/// (X^T diag(weight) X)^+ right, the rows of X are samples; `right` is p x columns.
Host least_squares(Host const& samples, int p, Host const& weight, Host right) {
  int const rows = int(weight.size()), columns = int(right.size()) / p;
  Host gram(std::size_t(p * p), 0), values(p), singular(p);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < p; ++j)
      for (int k = 0; k < p; ++k)
        gram[j * p + k] += weight[i] * samples[i * p + j] * samples[i * p + k];
  int rank = 0;
  REQUIRE(LAPACKE_dgelsd(LAPACK_ROW_MAJOR, p, p, columns, gram.data(), p, right.data(), columns,
                         singular.data(), 1e-10, &rank) == 0);
  return right;
}

}  // namespace

TEST_CASE("HG-MS starts squared hyper-cleaning with the closed-form hypergradient", "[hgms]") {
  // Two blind pixels: no training sample sees them, so that S(x) has a dimension.
  auto options = small_options();
  options.blind = GENERATE(0, 2);
  auto const data = digits(options);
  minfold::CleaningModel model;
  model.loss = minfold::CleaningLoss::squared;
  model.ridge = 0;
  minfold::HyperCleaning<double, Space> const problem(data, model);
  int const n = data.train_size(), m = data.validation_size(), p = data.features,
            classes = data.classes;
  CAPTURE(options.blind, problem.unseen_features());

  Space const space;
  minfold::HgmsOptions<double> hgms;
  hgms.max_iterations = 0;
  hgms.candidates.count = 2;
  minfold::BilevelState<double, Space> state(space, problem);
  Host const x = normals(std::size_t(n), 1);
  minfold::impl::from_doubles<double, Space>(space, x, state.x);
  auto const result = minfold::minimize_hgms<double, Space>(space, problem, state, hgms);
  CHECK(result.last.certificate.verdict == minfold::Verdict::certified);
  CHECK(result.last.certificate.kernel_dimension == classes * problem.unseen_features());

  // W^T = (X^T D X)^+ X^T D Y + what no training sample sees,  V = (X^T D X)^+ grad f(W),
  //   dF/dx_i = -sigmoid'(x_i) < V^T a_i, W a_i - y_i >.
  // Of the solve only the part of W that no training sample sees enters.
  Host weight(n), slope(n);
  for (int i = 0; i < n; ++i) {
    weight[i] = 1 / (1 + std::exp(-x[i]));
    slope[i] = weight[i] * (1 - weight[i]);
  }
  Host moment(std::size_t(p * classes), 0);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < p; ++j)
      moment[j * classes + data.train_labels[i]] += weight[i] * data.train[i * p + j];
  Host const w = least_squares(data.train, p, weight, moment);
  auto const predicted = [&](double const* a, Host const& matrix, int c) {
    double z = 0;
    for (int j = 0; j < p; ++j) z += a[j] * matrix[j * classes + c];
    return z;
  };
  // The selected W differs from the one of least norm in ker X only: both predict the same.
  Host const y = minfold::impl::to_doubles(space, state.y);
  Host selected(std::size_t(p * classes));
  for (int c = 0; c < classes; ++c)
    for (int j = 0; j < p; ++j) selected[j * classes + c] = y[c * p + j];
  double off = 0;
  for (int i = 0; i < n; ++i)
    for (int c = 0; c < classes; ++c)
      off = std::max(off, std::abs(predicted(&data.train[i * p], w, c) -
                                   predicted(&data.train[i * p], selected, c)));
  CHECK(off <= 1e-9);

  Host gradient(std::size_t(p * classes), 0);  // of f without its penalty, which lives in ker H
  for (int i = 0; i < m; ++i)
    for (int c = 0; c < classes; ++c) {
      double const* const a = &data.validation[i * p];
      double const e = predicted(a, selected, c) - (data.validation_labels[i] == c);
      for (int j = 0; j < p; ++j) gradient[j * classes + c] += a[j] * e / m;
    }
  Host const v = least_squares(data.train, p, weight, gradient);
  Host expected(n);
  for (int i = 0; i < n; ++i) {
    double const* const a = &data.train[i * p];
    for (int c = 0; c < classes; ++c)
      expected[i] -=
          slope[i] * predicted(a, v, c) * (predicted(a, selected, c) - (data.train_labels[i] == c));
  }
  Host const found = minfold::impl::to_doubles(space, state.hypergradient);
  CAPTURE(norm(expected), gap(found, expected));
  REQUIRE(norm(expected) > 1e-4);
  CHECK(gap(found, expected) <= 1e-8 * norm(expected));
}
