// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/random.hpp>

#include "compare/matrix_free.hpp"
#include "compare/problem.hpp"
#include "support/host_loop.hpp"
#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace minfold::bench {
namespace {

/// max |Q Q^T - I| over the rows of q.
double orthonormality(double const* q, int rows, int n) {
  std::vector<double> gram(std::size_t(rows) * rows);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, rows, n, 1, q, n, q, n, 0, gram.data(),
              rows);
  double worst = 0;
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < rows; ++j) {
      double const defect = std::abs(gram[std::size_t(i) * rows + j] - (i == j));
      if (!(defect <= worst)) worst = defect;
    }
  return worst;
}

/// ||(I - V^T V) Q^T||_2, the rows of both orthonormal: the sine of the largest angle between the spaces, by
/// power iteration, which may miss a few per cent of it.
double outside(double const* q, int rows, double const* v, int count, int n) {
  std::vector<double> rest(q, q + std::size_t(rows) * n), overlap(std::size_t(rows) * count);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, count, n, 1, q, n, v, n, 0,
              overlap.data(), count);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, n, count, -1, overlap.data(), count,
              v, n, 1, rest.data(), n);
  // Of few rows the Frobenius norm says the same to a factor 2; and it finds NaN.
  double const all = cblas_dnrm2(int(rest.size()), rest.data(), 1);
  if (rows <= 4 || !(all > 0)) return all;
  std::vector<double> x(rows), y(n);
  for (int i = 0; i < rows; ++i) x[i] = normal({5, Stream::test, 0, std::uint32_t(i), 0});
  double size = 0;
  for (int step = 0; step < 40; ++step) {
    cblas_dscal(rows, 1 / cblas_dnrm2(rows, x.data(), 1), x.data(), 1);
    cblas_dgemv(CblasRowMajor, CblasTrans, rows, n, 1, rest.data(), n, x.data(), 1, 0, y.data(), 1);
    size = cblas_dnrm2(n, y.data(), 1);
    if (!(size > 0)) return all;
    cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, n, 1 / size, rest.data(), n, y.data(), 1, 0,
                x.data(), 1);
  }
  return size;
}

double distance(double const* z, double const* truth, int n) {
  double difference = 0, size = 0;
  for (int i = 0; i < n; ++i) {
    difference += (z[i] - truth[i]) * (z[i] - truth[i]);
    size += truth[i] * truth[i];
  }
  return std::sqrt(difference / size);
}

double item_error(Problem const& p, Answer const& a, int item) {
  Shape const& s = p.what.shape;
  double error = 0;
  auto const take = [&](double e) {
    if (!(e <= error)) error = e;  // a NaN stays
  };
  if (a.basis.extent(1) > 0) {
    bool const range = p.what.job == Job::range_basis;
    int const first = range ? s.kernel : 0, count = range ? s.n - s.kernel : s.kernel;
    double const* const q = &a.basis(item, 0, 0);
    if (a.dimension[item] != count)
      return 1;  // a space of another dimension: an angle of 90 degrees
    take(orthonormality(q, count, s.n));
    take(outside(q, count, &p.planted.vectors(item, first, 0), count, s.n));
  }
  if (a.z.extent(1) > 0)
    for (int c = 0; c < s.columns; ++c)
      take(distance(&a.z(item, c, 0), &p.planted.solution(item, c, 0), s.n));
  return error;
}

}  // namespace

Verdict check(Problem const& p, Answer const& a) {
  std::vector<double> errors(p.what.shape.items);
  if (p.what.job == Job::matrix_free_kernel) {
    int const rows = p.what.shape.columns, n = p.what.shape.n;
    errors[0] = 1;
    if (a.basis.extent(0) == 1 && a.dimension[0] == rows) {
      double const* const q = &a.basis(0, 0, 0);
      double const away = p.kernel.extent(0) == 0 ? kernel_defect(p, a.basis)
                                                  : outside(q, rows, p.kernel.data(), rows, n);
      errors[0] = std::max(orthonormality(q, rows, n), away);
    }
  } else {
    host_loop(p.what.shape.items, [&](int item) { errors[item] = item_error(p, a, item); });
  }
  Verdict v;
  int worst = 0;
  for (int item = 0; item < p.what.shape.items; ++item)
    if (!(errors[item] <= v.error)) {
      v.error = errors[item];
      worst = item;
    }
  std::ostringstream reason;
  if (!a.complaint.empty())
    reason << "says itself: " << a.complaint;
  else if (!(v.error <= right_below(p.what)))
    reason << "error " << v.error << " in item " << worst;
  v.reason = reason.str();
  v.wrong = !v.reason.empty();
  return v;
}

Work least_work(Problem const& p, Answer const& a) {
  Shape const& s = p.what.shape;
  double const n = s.n, k = s.kernel, r = n - k, items = s.items, word = sizeof(double);
  double const half = n * (n + 1) / 2 * word;
  switch (p.what.job) {
    case Job::kernel_and_pinv:
      // Cholesky factor of rank r, its null space, k orthonormal vectors, two triangular solves.
      return {items * half,
              items * (r * r * n - 2 * r * r * r / 3 + r * r * k + 2 * n * k * k + 2 * r * r),
              half};
    case Job::range_basis:
      // r columns, their Cholesky factor, r orthonormal vectors.
      return {items * n * r * word, items * 3 * n * r * r, n * r * word};
    case Job::cg:
    case Job::nystrom:
    case Job::cg_block: {
      // H read by halves once an iteration for all the columns, and 2 n^2 flops a product.
      double const products = double(a.products);
      return {products / s.columns * half, products * 2 * n * n, half};
    }
    case Job::matrix_free_kernel: return {};
  }
  return {};
}

}  // namespace minfold::bench
