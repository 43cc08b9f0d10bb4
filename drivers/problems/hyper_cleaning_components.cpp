// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/random.hpp>
#include <minfold/core/require.hpp>
#include <minfold/problems/hyper_cleaning_data.hpp>

#include "host.hpp"
#include <cblas.h>
#include <lapacke.h>

#include <cmath>
#include <numeric>

namespace minfold {
namespace {

using Numbers = std::vector<double>;

/// Rows without the last feature, and without `mean`.
Numbers centred(Numbers const& a, int features, int n, Numbers const& mean) {
  Numbers rows;
  rows.reserve(a.size());
  for (std::size_t i = 0; i < a.size() / std::size_t(features); ++i)
    for (int j = 0; j < n; ++j) rows.push_back(a[i * std::size_t(features) + j] - mean[j]);
  return rows;
}

}  // namespace

void reduce_to_components(CleaningData& data, double fraction, bool bias) {
  MINFOLD_REQUIRE(fraction > 0 && fraction <= 1, "hyper-cleaning: components explain a fraction ",
                  "of the variance, found ", fraction);
  int const features = data.features, n = features - (bias ? 1 : 0), count = data.train_size();
  Numbers mean(std::size_t(n), 0.0);
  for (int i = 0; i < count; ++i)
    for (int j = 0; j < n; ++j) mean[j] += data.train[std::size_t(i) * features + j] / count;
  auto const rows = centred(data.train, features, n, mean);
  Numbers axes(std::size_t(n) * n), variance(std::size_t(n), 0.0);
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, n, count, 1.0 / count, rows.data(), n,
              rows.data(), n, 0, axes.data(), n);
  // Column-major: eigenvectors lie one after the other, those of the largest values last.
  int const info = LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'U', n, axes.data(), n, variance.data());
  MINFOLD_REQUIRE(info == 0, "hyper-cleaning: dsyev of the covariance ended with ", info);
  double const total = std::accumulate(variance.begin(), variance.end(), 0.0);
  int kept = 0;
  for (double explained = 0; kept < n && explained < fraction * total; ++kept)
    explained += variance[std::size_t(n - 1 - kept)];
  int const reduced = kept + (bias ? 1 : 0);
  double const* const first = axes.data() + std::size_t(n - kept) * n;
  for (auto* const part : {&data.train, &data.validation, &data.test}) {
    int const samples = int(part->size() / std::size_t(features));
    auto const from = centred(*part, features, n, mean);
    Numbers to(std::size_t(samples) * reduced, 1.0);
    if (samples > 0)
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, samples, kept, n, 1, from.data(), n,
                  first, n, 0, to.data(), reduced);
    *part = std::move(to);
  }
  data.features = reduced;
}

CleaningData make_orthogonal_cleaning_data(OrthogonalCleaningOptions const& o) {
  MINFOLD_REQUIRE(o.train + (o.joint ? o.validation : 0) <= o.features,
                  "diagonal-cleaning: ", o.features, " features do not hold ",
                  o.train + (o.joint ? o.validation : 0), " orthogonal samples");
  MINFOLD_REQUIRE(o.zero < o.train, "diagonal-cleaning: zero=", o.zero, " of ", o.train,
                  " training samples");
  auto const draw = [&](std::uint32_t use, int i) {
    return uniform({o.seed, Stream::problem, use, std::uint32_t(i), 0});
  };
  auto const u = impl::of_length(1, impl::problem_normals(o.seed, 200, o.features, 1));
  auto const q = impl::reflection_columns(u, o.features);
  CleaningData data;
  data.classes = o.classes;
  data.features = o.features;
  auto const append = [&](Numbers& rows, int column, double length) {
    for (int j = 0; j < o.features; ++j)
      rows.push_back(length * q[std::size_t(j) * o.features + column]);
  };
  for (int i = 0; i < o.train; ++i) {
    append(data.train, i, i < o.train - o.zero ? 0.5 + 1.5 * draw(201, i) : 0);
    int const truth = int(draw(202, i) * o.classes);
    bool const wrong = draw(203, i) < o.corruption;
    data.true_labels.push_back(truth);
    data.train_labels.push_back(
        wrong ? (truth + 1 + int(draw(204, i) * (o.classes - 1))) % o.classes : truth);
    data.relabelled += wrong;
    data.corrupted += data.train_labels.back() != truth;
  }
  if (o.joint)
    for (int i = 0; i < o.validation; ++i)
      append(data.validation, o.train + i, 0.5 + 1.5 * draw(205, i));
  else
    data.validation = impl::problem_normals(o.seed, 206, o.validation, o.features);
  for (int i = 0; i < o.validation; ++i)
    data.validation_labels.push_back(int(draw(207, i) * o.classes));
  return data;
}

}  // namespace minfold
