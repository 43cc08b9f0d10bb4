// SPDX-License-Identifier: Apache-2.0
#include "compare/lobpcg.hpp"

#include "compare/matrix_free.hpp"
#include "support/host_loop.hpp"
#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>

namespace minfold::bench {
namespace {

/// Components of one task: the tall blocks are worked in panels, which BLAS by itself does not thread.
constexpr int panel = 4096;

/// Vectors beyond the wanted ones, where those have neighbours that slow them down.
constexpr int guard = 2;

using Small = std::vector<double>;  ///< row-major

/// Blocks of row vectors (rows, n).
class Lobpcg {
 public:
  Lobpcg(Problem const& p)
      : h_(operator_of(p)),
        wanted_(p.what.shape.columns),
        width_(wanted_ + (p.what.rows > 0 ? 0 : guard)),
        n_(p.what.shape.n),
        s_("bench::lobpcg::s", 3 * width_, n_),
        hs_("bench::lobpcg::hs", 3 * width_, n_),
        next_("bench::lobpcg::next", 2 * width_, n_),
        hnext_("bench::lobpcg::hnext", 2 * width_, n_),
        start_(rows(p.start, 0, width_)) {}

  MatrixFree const& product() const { return h_; }
  double const* basis() const { return s_.data(); }
  void stop_at(double tolerance) { tolerance_ = tolerance; }

  bool run() {
    *h_.counted = {};
    Kokkos::deep_copy(rows(s_, 0, width_), start_);
    multiply(0);
    int columns = width_;  // in s_: X; X and W; X, W and P
    if (!rayleigh_ritz(columns)) return false;
    for (int iteration = 0; iteration < 1000; ++iteration) {
      residuals();
      if (converged()) return true;
      multiply(width_);
      columns = std::min(columns + width_, 3 * width_);
      // Where P depends on X and W in rounding it is left out once.
      if (!rayleigh_ritz(columns) &&
          (columns == 2 * width_ || !rayleigh_ritz(columns = 2 * width_)))
        return false;
    }
    return false;
  }

 private:
  MatrixFree h_;
  int wanted_, width_, n_;
  HostVectors s_, hs_, next_, hnext_;
  HostVectors start_;
  std::vector<double> values_;
  double norm_ = 0;

  static HostVectors rows(HostVectors const& of, int first, int count) {
    return HostVectors(of.data() + std::size_t(first) * of.extent(1), count, of.extent(1));
  }
  int panels() const { return (n_ + panel - 1) / panel; }

  /// hs := H s for one block of rows.
  void multiply(int first) {
    std::size_t const from = std::size_t(first) * n_;
    h_.apply(Space(), HostBlocks(s_.data() + from, 1, width_, n_),
             HostBlocks(hs_.data() + from, 1, width_, n_));
  }

  /// a b^T
  Small gram(double const* a, int rows_a, double const* b, int rows_b) {
    std::vector<Small> parts(panels(), Small(std::size_t(rows_a) * rows_b));
    host_loop(panels(), [&](int t) {
      int const first = t * panel, count = std::min(panel, n_ - first);
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows_a, rows_b, count, 1, a + first, n_,
                  b + first, n_, 0, parts[t].data(), rows_b);
    });
    for (int t = 1; t < panels(); ++t)
      for (std::size_t i = 0; i < parts[0].size(); ++i) parts[0][i] += parts[t][i];
    return parts[0];
  }

  /// to := c a (+ beta to)
  void combine(Small const& c, int rows_to, int rows_a, double const* a, double* to,
               double alpha = 1, double beta = 0) {
    host_loop(panels(), [&](int t) {
      int const first = t * panel, count = std::min(panel, n_ - first);
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows_to, count, rows_a, alpha,
                  c.data(), rows_a, a + first, n_, beta, to + first, n_);
    });
  }

  /// The smallest pairs of the pencil (S H S^T, S S^T): new X and P with their products.
  bool rayleigh_ritz(int columns) {
    Small a = gram(s_.data(), columns, hs_.data(), columns),
          g = gram(s_.data(), columns, s_.data(), columns);
    std::vector<double> w(columns);
    if (LAPACKE_dsygv(LAPACK_ROW_MAJOR, 1, 'V', 'L', columns, a.data(), columns, g.data(), columns,
                      w.data()) != 0)
      return false;
    values_.assign(w.begin(), w.begin() + width_);
    norm_ = std::max(norm_, w.back());
    // Eigenvectors are columns of a. X from all of S, P from what is not X.
    int const both = columns > width_ ? 2 * width_ : width_;
    Small c(std::size_t(both) * columns);
    for (int i = 0; i < width_; ++i)
      for (int j = 0; j < columns; ++j) {
        double const entry = a[std::size_t(j) * columns + i];
        c[std::size_t(i) * columns + j] = entry;
        if (both > width_) c[std::size_t(width_ + i) * columns + j] = j < width_ ? 0 : entry;
      }
    combine(c, both, columns, s_.data(), next_.data());
    combine(c, both, columns, hs_.data(), hnext_.data());
    for (auto const& [from, to] : {std::pair(next_, s_), std::pair(hnext_, hs_)}) {
      Kokkos::deep_copy(rows(to, 0, width_), rows(from, 0, width_));
      if (both > width_)
        Kokkos::deep_copy(rows(to, 2 * width_, width_), rows(from, width_, width_));
    }
    return true;
  }

  /// W := H X - diag(values) X, off X, with rows of norm 1; P as long.
  void residuals() {
    double* const w = s_.data() + std::size_t(width_) * n_;
    std::vector<double> squares(width_);
    host_loop(width_, [&](int i) {
      double const *const x = s_.data() + std::size_t(i) * n_, *const hx =
                                                                   hs_.data() + std::size_t(i) * n_;
      double* const row = w + std::size_t(i) * n_;
      double square = 0;
      for (int t = 0; t < n_; ++t) {
        row[t] = hx[t] - values_[i] * x[t];
        square += row[t] * row[t];
      }
      squares[i] = square;
    });
    residual_ = 0;
    for (int i = 0; i < wanted_; ++i)
      residual_ = std::max(residual_, std::sqrt(squares[i]) + std::abs(values_[i]));
    Small const overlap = gram(w, width_, s_.data(), width_);
    combine(overlap, width_, width_, s_.data(), w, -1, 1);
    host_loop(width_, [&](int i) {
      double* const row = w + std::size_t(i) * n_;
      double const length = cblas_dnrm2(n_, row, 1);
      if (length > 0) cblas_dscal(n_, 1 / length, row, 1);
      double *const p = row + std::size_t(width_) * n_, *const hp = hs_.data() + (p - s_.data());
      double const size = cblas_dnrm2(n_, p, 1);
      if (size > 0) {
        cblas_dscal(n_, 1 / size, p, 1);
        cblas_dscal(n_, 1 / size, hp, 1);
      }
    });
  }

  double residual_ = 0;
  double tolerance_ = cg_tolerance;
  bool converged() const { return residual_ <= tolerance_ * norm_; }
};

}  // namespace

Contender lobpcg(Problem const& p) {
  auto const output = make_output(p.what, true, false);
  auto const method = std::make_shared<Lobpcg>(p);
  auto const solve = [=] {
    output->info[0] = method->run() ? 0 : 1;
    output->dimension[0] = int(output->basis.extent(1));
    std::copy_n(method->basis(), output->basis.size(), output->basis.data());
  };
  auto const answer = [=] {
    Answer a = answer_of(*output);
    a.products = method->product().counted->products;
    a.product_seconds = method->product().counted->seconds;
    return a;
  };
  return {"lobpcg", solve, answer, [=](double tolerance) { method->stop_at(tolerance); }};
}

}  // namespace minfold::bench
