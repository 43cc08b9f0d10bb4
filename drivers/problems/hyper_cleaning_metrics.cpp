// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/problems/hyper_cleaning_metrics.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace minfold {
namespace {

using Host = std::vector<double>;
using Space = Kokkos::DefaultExecutionSpace;

double inner(Host const& a, Host const& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// The lower level at one x as functions of host vectors.
class LowerLevel {
 public:
  LowerLevel(CleaningData const& data, CleaningModel const& model) : problem_(data, model) {
    // sigmoid(40) is 1 in double precision.
    x_ = upload(Host(std::size_t(problem_.dim_x()), 40.0));
    out_ = Vectors<double, Space>("minfold::hyper_cleaning::metrics_out", 1, problem_.dim_y());
    value_ = Scalars<double, Space>("minfold::hyper_cleaning::metrics_value", 1);
  }

  int dim() const { return problem_.dim_y(); }
  double value(Host const& y) const {
    problem_.lower_value(space_, x_, upload(y), value_);
    return to_host(space_, value_)(0);
  }
  Host gradient(Host const& y) const {
    problem_.lower_gradient(space_, x_, upload(y), out_);
    return download();
  }
  Host hessian(Host const& y, Host const& v) const {
    Blocks<double, Space> const out(out_.data(), 1, 1, dim());
    auto const in = upload(v);
    problem_.lower_hessian(space_, x_, upload(y),
                           Blocks<double const, Space>(in.data(), 1, 1, dim()), out);
    return download();
  }

 private:
  static Vectors<double, Space> upload(Host const& v) {
    Vectors<double, Space> view("minfold::hyper_cleaning::metrics_in", 1, v.size());
    auto const host = Kokkos::create_mirror_view(view);
    std::copy(v.begin(), v.end(), host.data());
    Kokkos::deep_copy(view, host);
    return view;
  }
  Host download() const {
    auto const host = to_host(space_, out_);
    return Host(host.data(), host.data() + host.size());
  }

  Space space_;
  HyperCleaning<double, Space> problem_;
  Vectors<double, Space> x_, out_;
  Scalars<double, Space> value_;
};

/// p with |H p + g| <= tolerance |g|.
Host newton_direction(LowerLevel const& level, Host const& y, Host const& g, double tolerance) {
  Host p(g.size(), 0), r = g, s = g;
  for (auto& v : r) v = -v;
  s = r;
  double rr = inner(r, r);
  double const goal = tolerance * tolerance * rr;
  for (int it = 0; it < 4 * level.dim() && rr > goal; ++it) {
    Host const hs = level.hessian(y, s);
    double const curvature = inner(s, hs);
    if (!(curvature > 0)) break;
    double const a = rr / curvature;
    for (std::size_t i = 0; i < p.size(); ++i) {
      p[i] += a * s[i];
      r[i] -= a * hs[i];
    }
    double const next = inner(r, r), b = next / rr;
    rr = next;
    for (std::size_t i = 0; i < p.size(); ++i) s[i] = r[i] + b * s[i];
  }
  return p;
}

}  // namespace

double accuracy(std::vector<double> const& a, std::vector<int> const& labels,
                std::vector<double> const& w) {
  std::size_t const features = a.size() / labels.size(), classes = w.size() / features;
  int right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::size_t best = 0;
    double largest = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      double const z =
          std::inner_product(w.begin() + long(c * features), w.begin() + long((c + 1) * features),
                             a.begin() + long(i * features), 0.0);
      if (c == 0 || z > largest) {
        largest = z;
        best = c;
      }
    }
    right += int(best) == labels[i];
  }
  return double(right) / double(labels.size());
}

double network_accuracy(CleaningData const& data, CleaningMlpModel const& model,
                        std::vector<double> const& a, std::vector<int> const& labels,
                        std::vector<double> const& y) {
  std::size_t const p = std::size_t(data.features), hidden = std::size_t(model.hidden),
                    classes = std::size_t(data.classes), second = hidden * p,
                    offsets = second + classes * hidden;
  MINFOLD_REQUIRE(y.size() == offsets + classes, "hyper-cleaning metrics: y has ", y.size(),
                  " components, expected ", offsets + classes);
  Host units(labels.size() * hidden);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, int(labels.size()), int(hidden), int(p), 1,
              a.data(), int(p), y.data(), int(p), 0, units.data(), int(hidden));
  int right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    double* const h = units.data() + i * hidden;
    for (std::size_t k = 0; k < hidden; ++k)
      h[k] =
          model.activation == Activation::sigmoid ? 1 / (1 + std::exp(-h[k])) : std::max(h[k], 0.0);
    std::size_t best = 0;
    double largest = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      double const* const row = y.data() + second + c * hidden;
      double const z = std::inner_product(h, h + hidden, row, y[offsets + c]);
      if (c == 0 || z > largest) {
        largest = z;
        best = c;
      }
    }
    right += int(best) == labels[i];
  }
  return double(right) / double(labels.size());
}

std::vector<double> train_equally_weighted(CleaningData data, std::vector<int> const& labels,
                                           CleaningModel const& model) {
  data.train_labels = labels;
  LowerLevel const level(data, model);
  Host y(std::size_t(level.dim()), 0), g = level.gradient(y);
  double value = level.value(y), norm = std::sqrt(inner(g, g));
  double const start = norm;
  for (int it = 0; it < 50 && norm > 1e-8 * start; ++it) {
    // The residual of the direction goes down with the gradient: superlinear convergence.
    Host const p = newton_direction(level, y, g, std::min(0.1, norm / start));
    double const slope = inner(p, g);
    double t = 1, next_value = value;
    Host next;
    // Below t = 1e-10 the decrease is lost in the rounding of g: take the step as it is.
    for (; t > 1e-10; t /= 2) {
      next = y;
      for (std::size_t i = 0; i < y.size(); ++i) next[i] += t * p[i];
      next_value = level.value(next);
      if (next_value <= value + 1e-4 * t * slope + 1e-14 * std::abs(value)) break;
    }
    if (t <= 1e-10) break;
    y = next;
    value = next_value;
    g = level.gradient(y);
    norm = std::sqrt(inner(g, g));
  }
  return y;
}

Found corrupted_found(CleaningData const& data, std::vector<double> const& x) {
  MINFOLD_REQUIRE(int(x.size()) == data.train_size(), "hyper-cleaning metrics: x has ", x.size(),
                  " components, expected ", data.train_size());
  Found found;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] >= 0) continue;
    ++found.marked;
    found.right += data.train_labels[i] != data.true_labels[i];
  }
  if (found.marked > 0) found.precision = double(found.right) / found.marked;
  found.recall = data.corrupted > 0 ? double(found.right) / data.corrupted : 1.0;
  return found;
}

}  // namespace minfold
