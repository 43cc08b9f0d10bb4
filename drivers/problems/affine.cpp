// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/affine.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <algorithm>
#include <cmath>

namespace minfold {
namespace {

struct AffineTruth {
  int dim = 2, rank = 1;
  double alpha = 0.5;
  std::vector<double> u, sigma;          // dim; rank
  std::vector<double> b;                 // B, rank x 3
  std::vector<double> slope, intercept;  // C, dim x 3; c, dim
  std::vector<double> e, ac;             // E = A C - B, rank x 3; A c, rank

  /// A v
  std::vector<double> apply(std::vector<double> const& v) const {
    double const along = impl::inner(u, v);
    std::vector<double> r(rank);
    for (int i = 0; i < rank; ++i) r[i] = sigma[i] * (v[i] - 2 * u[i] * along);
    return r;
  }

  void prepare() {
    ac = apply(intercept);
    e.resize(std::size_t(rank) * 3);
    for (int j = 0; j < 3; ++j) {
      std::vector<double> column(dim);
      for (int i = 0; i < dim; ++i) column[i] = slope[3 * i + j];
      auto const image = apply(column);
      for (int i = 0; i < rank; ++i) e[3 * i + j] = image[i] - b[3 * i + j];
    }
  }

  /// F = 1/2 |E x + A c|_K^2 + alpha/2 |x|^2, K = diag(sigma)^{-2}
  Truth truth(std::vector<double> const& x) const {
    Truth t;
    t.upper = 0.5 * alpha * impl::inner(x, x);
    t.gradient = {alpha * x[0], alpha * x[1], alpha * x[2]};
    std::vector<double> back(dim, 0.0);  // diag(sigma)^{-1} (E x + A c), then zeros
    for (int i = 0; i < rank; ++i) {
      double const r = ac[i] + e[3 * i] * x[0] + e[3 * i + 1] * x[1] + e[3 * i + 2] * x[2];
      back[i] = r / sigma[i];
      t.upper += 0.5 * back[i] * back[i];
      for (int j = 0; j < 3; ++j) t.gradient[j] += e[3 * i + j] * back[i] / sigma[i];
    }
    // y* = w - A^T (A A^T)^{-1} (A w - B x)
    double const along = impl::inner(u, back);
    t.selection.resize(dim);
    for (int i = 0; i < dim; ++i)
      t.selection[i] = intercept[i] + slope[3 * i] * x[0] + slope[3 * i + 1] * x[1] +
                       slope[3 * i + 2] * x[2] - back[i] + 2 * u[i] * along;
    return t;
  }

  /// x_opt = -(E^T K E + alpha I)^{-1} E^T K A c
  Optimum optimum() const {
    std::vector<double> matrix(9, 0.0), right(3, 0.0);
    for (int i = 0; i < rank; ++i)
      for (int j = 0; j < 3; ++j) {
        double const scaled = e[3 * i + j] / (sigma[i] * sigma[i]);
        right[j] -= scaled * ac[i];
        for (int l = 0; l < 3; ++l) matrix[3 * j + l] += scaled * e[3 * i + l];
      }
    for (int j = 0; j < 3; ++j) matrix[4 * j] += alpha;
    auto const x = impl::solve_definite(3, matrix, right);
    if (x.empty()) return impl::unknown_optimum();  // alpha is lost in the rounding of the rest
    return {truth(x).upper, x};
  }

  /// |A^+ (A y - B x)|
  double distance(std::vector<double> const& x, std::vector<double> const& y) const {
    auto const ay = apply(y);
    double square = 0;
    for (int i = 0; i < rank; ++i) {
      double const r = ay[i] - b[3 * i] * x[0] - b[3 * i + 1] * x[1] - b[3 * i + 2] * x[2];
      square += r * r / (sigma[i] * sigma[i]);
    }
    return std::sqrt(square);
  }
};

template <class T>
NamedProblem<T> make_affine(Settings& settings, ProblemContext const& context) {
  using E = Kokkos::DefaultExecutionSpace;
  auto data = std::make_shared<AffineTruth>();
  int const d = settings.integer("dim", 20, 2, 1000000, "dimension d of y");
  int const k = settings.integer("manifold-dim", std::min(4, d - 1), 1, d - 1,
                                 "dimension k of the solution set; the rank is d - k");
  double const condition = settings.number("condition", 10, 1, 1e12,
                                           "condition number of the lower Hessian on its range");
  data->alpha = settings.number("alpha", 0.5, 1e-6, 1e6,
                                "f contains alpha/2 |x|^2, which makes the minimizer unique");
  auto const start = settings.numbers("x0", {1, -1, 1}, 3, "start of the upper variable");

  int const p = d - k;
  data->dim = d;
  data->rank = p;
  data->u = impl::of_length(1, impl::problem_normals(context.seed, 0, d, 1));
  for (int i = 0; i < p; ++i)
    data->sigma.push_back(p == 1 ? 1.0 : std::pow(condition, 0.5 * i / (p - 1)));
  data->b = impl::of_length(std::sqrt(3.0), impl::problem_normals(context.seed, 1, p, 3));
  data->slope = impl::of_length(std::sqrt(3.0), impl::problem_normals(context.seed, 2, d, 3));
  data->intercept = impl::of_length(2, impl::problem_normals(context.seed, 3, d, 1));
  data->prepare();

  std::vector<double> rows(std::size_t(p) * 4), target(std::size_t(d) * 4);
  for (int i = 0; i < p; ++i) {
    rows[4 * std::size_t(i)] = data->sigma[i];
    for (int j = 0; j < 3; ++j) rows[4 * std::size_t(i) + 1 + j] = data->b[3 * std::size_t(i) + j];
  }
  for (int i = 0; i < d; ++i) {
    target[4 * std::size_t(i)] = data->intercept[i];
    for (int j = 0; j < 3; ++j)
      target[4 * std::size_t(i) + 1 + j] = data->slope[3 * std::size_t(i) + j];
  }
  Affine<T, E> functor;
  functor.direction = impl::device_scalars<T, E>("minfold::affine::direction", data->u);
  functor.rows = impl::device_vectors<T, E>("minfold::affine::rows", p, 4, rows);
  functor.target = impl::device_vectors<T, E>("minfold::affine::target", d, 4, target);
  functor.alpha = T(data->alpha);
  return impl::assemble<T, Affine<T, E>, AffineTruth>(functor, start, data);
}

}  // namespace

CatalogEntry affine_entry() {
  return {"affine", "an affine solution set, quadratic throughout, in any dimension",
          make_affine<double>, make_affine<float>};
}

}  // namespace minfold
