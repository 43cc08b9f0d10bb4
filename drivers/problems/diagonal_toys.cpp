// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/random.hpp>
#include <minfold/problems/diagonal_toys.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace minfold {
namespace {

using Numbers = std::vector<double>;

struct ToyData {
  Numbers h, c, d;
  int dim() const { return int(h.size()); }
};

/// Lower level of one minimizer, y = x / h.
struct QuadraticLower : ToyData {
  Numbers solution(Numbers const& x) const {
    Numbers y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] / h[i];
    return y;
  }
  double distance(Numbers const& x, Numbers const& y) const {
    return impl::length(impl::plus(y, -1, solution(x)));
  }
};

/// F = sin(a^T x) + log(|B x|^2 + 1), a = c + H^{-1} d, B = I + H^{-1}.
struct WaveTruth : QuadraticLower {
  Truth truth(Numbers const& x) const {
    auto const y = solution(x);
    double phase = 0, square = 0;
    for (int i = 0; i < dim(); ++i) {
      phase += c[i] * x[i] + d[i] * y[i];
      square += (x[i] + y[i]) * (x[i] + y[i]);
    }
    Truth t{std::sin(phase) + std::log(square + 1), Numbers(x.size()), y, true};
    for (int i = 0; i < dim(); ++i)
      t.gradient[i] = std::cos(phase) * (c[i] + d[i] / h[i]) +
                      2 * (x[i] + y[i]) * (1 + 1 / h[i]) / (square + 1);
    return t;
  }
  /// In z = B x: sin(b^T z) + log(|z|^2 + 1), b = B^{-1} a; of all z with b^T z = -t the shortest is
  /// -t b / |b|^2. What is left, -sin t + log(1 + t^2 / |b|^2), is lowest at a t in (0, pi/2): for t
  /// beyond, and for t < 0, sin is not better than at pi/2 and log is worse. There its slope
  /// -cos t + 2 t / (|b|^2 + t^2) has one zero: while t < |b| it increases, and from t = |b| on
  /// 2 t / (|b|^2 + t^2) >= 1 / t > cos t.
  Optimum optimum() const {
    Numbers b(h.size());
    for (int i = 0; i < dim(); ++i) b[i] = (h[i] * c[i] + d[i]) / (h[i] + 1);
    double const square = impl::inner(b, b);
    double low = 0, high = std::numbers::pi / 2;
    for (int halving = 0; halving < 100; ++halving) {
      double const t = 0.5 * (low + high);
      (2 * t / (square + t * t) < std::cos(t) ? low : high) = t;
    }
    Optimum result{0, Numbers(h.size())};
    for (int i = 0; i < dim(); ++i) result.x[i] = -low * b[i] / square * h[i] / (h[i] + 1);
    result.upper = truth(result.x).upper;
    return result;
  }
};

/// F = 1/2 |H^{-1} x - c|^2 + 1/2 |x - d|^2
struct BowlsTruth : QuadraticLower {
  Truth truth(Numbers const& x) const {
    Truth t{0, Numbers(x.size()), solution(x), true};
    for (int i = 0; i < dim(); ++i) {
      double const e = t.selection[i] - c[i], a = x[i] - d[i];
      t.upper += 0.5 * (e * e + a * a);
      t.gradient[i] = e / h[i] + a;
    }
    return t;
  }
  Optimum optimum() const {
    Optimum result{0, Numbers(h.size())};
    for (int i = 0; i < dim(); ++i) result.x[i] = (c[i] / h[i] + d[i]) / (1 / (h[i] * h[i]) + 1);
    result.upper = truth(result.x).upper;
    return result;
  }
};

double ellipsoid_radius(int j) {
  return std::sqrt(2 * std::numbers::pi * (2 * j + 1));
}

/// The ellipsoids |H y - x| = R_j = sqrt(2 pi (2j+1)), j = 0, 1, ...
struct EllipsoidLower : ToyData {
  /// Distance of w to { u : |H u| = radius }: u = (I + l H^2)^{-1} w with l > -1 / h_max^2 such that u
  /// is on the ellipsoid (|H u| falls in l). Where w has nothing along the largest h, l stays at its
  /// bound and that component of u closes the gap.
  double distance_to(Numbers const& w, double radius) const {
    int const top = int(std::max_element(h.begin(), h.end()) - h.begin());
    double const bound = -1 / (h[top] * h[top]);
    auto const nearest = [&](double l) {
      Numbers u(w.size());
      for (int i = 0; i < dim(); ++i) u[i] = w[i] == 0 ? 0 : w[i] / (1 + l * h[i] * h[i]);
      return u;
    };
    auto const size = [&](Numbers const& u) {
      double square = 0;
      for (int i = 0; i < dim(); ++i) square += h[i] * h[i] * u[i] * u[i];
      return square;
    };
    double low = bound, high = 1;
    while (size(nearest(high)) > radius * radius) high *= 2;
    for (int halving = 0; halving < 200; ++halving) {
      double const l = 0.5 * (low + high);
      (size(nearest(l)) > radius * radius ? low : high) = l;
    }
    auto u = nearest(high);
    double const missing = radius * radius - size(u);
    if (missing > 1e-9 * radius * radius) u[top] = std::sqrt(missing) / h[top];
    return impl::length(impl::plus(u, -1, w));
  }
  /// Of the ellipsoids the next inner and the next outer one are the nearest.
  double distance(Numbers const& x, Numbers const& y) const {
    Numbers w(y);
    double square = 0;
    for (int i = 0; i < dim(); ++i) {
      w[i] -= x[i] / h[i];
      square += h[i] * h[i] * w[i] * w[i];
    }
    int const outer = std::max(0, int(std::ceil((square / (2 * std::numbers::pi) - 1) / 2)));
    double nearest = std::numeric_limits<double>::infinity();
    for (int j = std::max(0, outer - 1); j <= outer; ++j)
      nearest = std::min(nearest, distance_to(w, ellipsoid_radius(j)));
    return nearest;
  }
};

/// F = 1/2 min_j (|c - x| - R_j)^2, H y* = x + R_j (c - x) / |c - x|.
struct ImageTruth : EllipsoidLower {
  Truth truth(Numbers const& x) const {
    auto const toward = impl::plus(c, -1, x);
    double const rho = impl::length(toward);
    int best = 0, j = 0;
    for (; ellipsoid_radius(j) <= rho; ++j) best = j;
    double const gap = rho - ellipsoid_radius(best), beyond = ellipsoid_radius(j) - rho;
    if (beyond < std::abs(gap)) best = j;
    double const off = rho - ellipsoid_radius(best);
    Truth t{0.5 * off * off, Numbers(x.size(), 0.0), {}, true};
    // At the center every direction is as good; half-way between two radii two ellipsoids are. With
    // the first one still ahead there is no second.
    bool const tie = rho >= ellipsoid_radius(0) && beyond == gap;
    if (rho == 0 || tie) t.differentiable = false;
    if (rho == 0) return t;
    for (int i = 0; i < dim(); ++i) t.gradient[i] = -off * toward[i] / rho;
    if (tie) return t;
    t.selection.resize(x.size());
    for (int i = 0; i < dim(); ++i)
      t.selection[i] = (x[i] + ellipsoid_radius(best) * toward[i] / rho) / h[i];
    return t;
  }
  /// 0 wherever |c - x| is one of the radii.
  static Optimum optimum() { return {0, {}}; }
};

/// Keys and data that all of them share; returns the start.
template <class Data>
Numbers toy_keys(Settings& settings, ProblemContext const& context, Data& data) {
  int const n = settings.integer("dim", 20, 2, 1000000, "dimension of x and of y");
  double const smallest =
      settings.number("smallest", 0.1, 1e-6, 1, "eigenvalues of H are uniform between this and 1");
  double const scale =
      settings.number("start-scale", 1, 0, 1e3, "x_0 is this times a standard normal vector");
  for (int i = 0; i < n; ++i) {
    Place const place{context.seed, Stream::problem, 3, std::uint32_t(i), 0};
    data.h.push_back(smallest + (1 - smallest) * uniform(place));
  }
  data.c = impl::problem_normals(context.seed, 0, n, 1);
  data.d = impl::problem_normals(context.seed, 1, n, 1);
  auto start = impl::problem_normals(context.seed, 2, n, 1);
  for (double& entry : start) entry *= scale;
  return start;
}

template <class T, ToyLower lower, ToyUpper upper>
auto toy_functor(ToyData const& data) {
  using E = Kokkos::DefaultExecutionSpace;
  return DiagonalToy<T, E, lower, upper>{
      impl::device_scalars<T, E>("minfold::diagonal_toys::h", data.h),
      impl::device_scalars<T, E>("minfold::diagonal_toys::c", data.c),
      impl::device_scalars<T, E>("minfold::diagonal_toys::d", data.d)};
}

template <class T, ToyLower lower, ToyUpper upper, class Data>
NamedProblem<T> assemble_toy(Settings& settings, ProblemContext const& context) {
  auto data = std::make_shared<Data>();
  auto const start = toy_keys(settings, context, *data);
  auto const functor = toy_functor<T, lower, upper>(*data);
  return impl::assemble<T, std::remove_const_t<decltype(functor)>, Data>(functor, start, data);
}

template <class T>
NamedProblem<T> make_convex(Settings& settings, ProblemContext const& context) {
  return assemble_toy<T, ToyLower::quadratic, ToyUpper::wave, WaveTruth>(settings, context);
}
template <class T>
NamedProblem<T> make_quadratic(Settings& settings, ProblemContext const& context) {
  return assemble_toy<T, ToyLower::quadratic, ToyUpper::bowls, BowlsTruth>(settings, context);
}

template <class T>
NamedProblem<T> make_cosine(Settings& settings, ProblemContext const& context) {
  auto const upper = settings.choice("upper", "wave", {"wave", "image"},
                                     "wave: f of the source; image: f = 1/2 |H y - c|^2, for which "
                                     "F has a closed form");
  if (upper == "image")
    return assemble_toy<T, ToyLower::cosine, ToyUpper::image, ImageTruth>(settings, context);
  auto data = std::make_shared<EllipsoidLower>();
  NamedProblem<T> named;
  named.start = toy_keys(settings, context, *data);
  auto functor = toy_functor<T, ToyLower::cosine, ToyUpper::wave>(*data);
  named.problem = std::make_unique<FunctorProblem<decltype(functor), T>>(functor);
  named.distance = [data](Numbers const& x, Numbers const& y) {
    impl::check_size("x", x, data->dim());
    impl::check_size("y", y, data->dim());
    return data->distance(x, y);
  };
  return named;
}

}  // namespace

CatalogEntry convex_toy_entry() {
  return {"convex-toy", "one lower solution and a wave above: the convex toy of arXiv 2504.17215",
          make_convex<double>, make_convex<float>};
}
CatalogEntry cosine_toy_entry() {
  return {"cosine-toy", "solutions are nested ellipsoids: the nonconvex toy of arXiv 2504.17215",
          make_cosine<double>, make_cosine<float>};
}
CatalogEntry quadratic_entry() {
  return {"quadratic", "one lower solution, quadratic throughout: where every method should agree",
          make_quadratic<double>, make_quadratic<float>};
}

}  // namespace minfold
