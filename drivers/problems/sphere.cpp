// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/sphere.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <algorithm>
#include <cmath>

namespace minfold {
namespace {

struct SphereTruth {
  int dim = 2, manifold_dim = 1;
  std::vector<double> center;  // dim x 3
  std::vector<double> target, stiffness;
  double radius = 1.5, ripple = 0.2;
  std::vector<double> wish;

  double center_at(int i, std::vector<double> const& x) const {
    return center[3 * i] + center[3 * i + 1] * x[0] + center[3 * i + 2] * x[1];
  }
  double radius_at(std::vector<double> const& x) const {
    return radius + ripple * std::sin(x[0] + x[1]);
  }

  Truth truth(std::vector<double> const& x) const {
    std::vector<double> off(dim), moved(2, 0.0), dragged(2, 0.0), selection(dim);
    double sphere = 0, rest = 0;
    for (int i = 0; i < dim; ++i) {
      off[i] = target[i] - center_at(i, x);
      (i <= manifold_dim ? sphere : rest) += off[i] * off[i];
      for (int j = 0; j < 2; ++j)
        (i <= manifold_dim ? moved : dragged)[j] += center[3 * i + 1 + j] * off[i];
    }
    double const distance_to_center = std::sqrt(sphere), r = radius_at(x);
    double const gap = distance_to_center - r, slope = ripple * std::cos(x[0] + x[1]);
    bool const unique = distance_to_center > 1e-12;
    Truth t;
    t.differentiable = unique;
    t.upper = 0.5 * gap * gap + 0.5 * rest;
    t.gradient.resize(2);
    for (int j = 0; j < 2; ++j) {
      double const along = unique ? moved[j] / distance_to_center : 0.0;
      t.upper += (x[j] - wish[j]) * (x[j] - wish[j]);
      t.gradient[j] = gap * (-along - slope) - dragged[j] + 2 * (x[j] - wish[j]);
    }
    if (unique) {
      for (int i = 0; i < dim; ++i)
        selection[i] =
            center_at(i, x) + (i <= manifold_dim ? r * off[i] / distance_to_center : 0.0);
      t.selection = selection;
    }
    return t;
  }

  /// The minimizer has no formula of its own: Newton steps on the closed form find it where F is
  /// convex on a ball that holds all candidates, as it is with the defaults.
  ///   F(x) >= |x - wish|^2, so that F(x) <= F(wish) only in a ball about wish, of radius `reach`;
  ///   F - |x - wish|^2 - (a convex function) = 1/2 (rho - r)^2,  rho = |c - a(x)| on the sphere,
  /// whose Hessian is at least (rho - r) (Hess rho - Hess r),
  ///   0 <= Hess rho <= |Da|^2 / rho,  |Hess r| <= 2 ripple.
  Optimum optimum() const {
    double square = 0, speed = 0;  // rho(wish)^2, |Da|_F^2
    for (int i = 0; i <= manifold_dim; ++i) {
      square += std::pow(target[i] - center_at(i, wish), 2);
      speed += std::pow(center[3 * i + 1], 2) + std::pow(center[3 * i + 2], 2);
    }
    double const reach = std::sqrt(truth(wish).upper);
    double const nearest = std::sqrt(square) - std::sqrt(speed) * reach,
                 farthest = std::sqrt(square) + std::sqrt(speed) * reach;
    if (nearest <= 0) return impl::unknown_optimum();
    double const outside = std::max(0.0, farthest - (radius - ripple)),
                 inside = std::max(0.0, radius + ripple - nearest);
    double const bent = 2 * ripple * std::max(outside, inside) + inside * speed / nearest;
    if (bent > 1.99) return impl::unknown_optimum();
    return impl::minimum_near([this](auto const& x) { return truth(x); }, wish);
  }

  double distance(std::vector<double> const& x, std::vector<double> const& y) const {
    double sphere = 0, rest = 0;
    for (int i = 0; i < dim; ++i) {
      double const e = y[i] - center_at(i, x);
      (i <= manifold_dim ? sphere : rest) += e * e;
    }
    double const gap = std::sqrt(sphere) - radius_at(x);
    return std::sqrt(gap * gap + rest);
  }
};

template <class T>
NamedProblem<T> make_sphere(Settings& settings, ProblemContext const& context) {
  using E = Kokkos::DefaultExecutionSpace;
  auto data = std::make_shared<SphereTruth>();
  data->dim = settings.integer("dim", 10, 2, 1000000, "dimension d of y");
  data->manifold_dim =
      settings.integer("manifold-dim", data->dim - 1, 1, data->dim - 1,
                       "dimension k of the sphere; d - k - 1 directions are normal to it");
  data->radius = settings.number("radius", 1.5, 0.1, 100, "mean radius of the sphere");
  data->ripple = settings.number("ripple", std::min(0.2, 0.5 * data->radius), 0, 0.9 * data->radius,
                                 "how much the radius changes with x, at most 0.9 radius");
  double const distance = settings.number(
      "distance", 3, 0, 100,
      "of the target of f from the center at x = 0; y* is not unique at the center itself");
  data->wish =
      impl::numbers_within(settings, "wish", {0.3, -0.2}, 2, -100, 100, "f contains |x - wish|^2");
  auto const start = settings.numbers("x0", {1, -1}, 2, "start of the upper variable");

  int const d = data->dim, sphere = data->manifold_dim + 1;
  data->center.resize(std::size_t(d) * 3);
  data->target.resize(d);
  data->stiffness.resize(d);
  // The lengths of origin, the two columns of Da and target - origin, on the sphere and normal to it.
  double const lengths[2][4] = {{1.0, 0.4, 0.4, distance}, {1.0, 0.3, 0.3, 0.5}};
  for (int part = 0; part < 2; ++part) {
    int const first = part == 0 ? 0 : sphere, count = part == 0 ? sphere : d - sphere;
    if (count == 0) continue;
    std::vector<double> column[4];
    for (int c = 0; c < 4; ++c)
      column[c] = impl::of_length(lengths[part][c],
                                  impl::problem_normals(context.seed, 4 * part + c, count, 1));
    for (int i = 0; i < count; ++i) {
      for (int c = 0; c < 3; ++c) data->center[3 * std::size_t(first + i) + c] = column[c][i];
      data->target[first + i] = column[0][i] + column[3][i];
      data->stiffness[first + i] = count == 1 ? 1.0 : 1.0 + double(i) / (count - 1);
    }
  }

  Sphere<T, E> functor;
  functor.center = impl::device_vectors<T, E>("minfold::sphere::center", d, 3, data->center);
  functor.target = impl::device_scalars<T, E>("minfold::sphere::target", data->target);
  functor.stiffness = impl::device_scalars<T, E>("minfold::sphere::stiffness", data->stiffness);
  functor.manifold_dim = data->manifold_dim;
  functor.radius = T(data->radius);
  functor.ripple = T(data->ripple);
  for (int j = 0; j < 2; ++j) functor.wish[j] = T(data->wish[j]);
  return impl::assemble<T, Sphere<T, E>, SphereTruth>(functor, start, data);
}

}  // namespace

CatalogEntry sphere_entry() {
  return {"sphere", "a sphere that moves and breathes with x, in any dimension",
          make_sphere<double>, make_sphere<float>};
}

}  // namespace minfold
