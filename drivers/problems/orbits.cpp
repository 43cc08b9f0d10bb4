// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/orthogonal_orbit.hpp>
#include <minfold/problems/phase_orbit.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

namespace minfold {
namespace {

/// Both targets are planted: a point of S(planted), moved by a vector of length `noise`. F is then
/// close to its smallest value near `planted`.
struct OrbitData {
  std::vector<double> ray[3];  // L_0, L_1, L_2 or l_0, l_1, l_2
  std::vector<double> target;
  std::vector<double> planted;

  std::vector<double> ray_at(std::vector<double> const& x) const {
    return impl::plus(impl::plus(ray[0], x[0], ray[1]), x[1], ray[2]);
  }
  std::vector<double> interleaved() const {
    std::vector<double> entries(3 * target.size());
    for (std::size_t t = 0; t < target.size(); ++t)
      for (int j = 0; j < 3; ++j) entries[3 * t + j] = ray[j][t];
    return entries;
  }

  /// The stationary point that Newton steps from `planted` find on the closed form, if that is
  /// certain to be the minimizer: `convex_radius` says how far about it F is convex, and outside of
  /// that disc delta = sqrt(2 F), the distance from the target to the orbit of L(x), is found to be
  /// larger. |dL| bounds the slope of delta, and delta >= |L(x)| - |target| settles large x.
  template <class Orbit>
  static Optimum certain_minimum(Orbit const& orbit) {
    auto const found =
        impl::minimum_near([&](auto const& x) { return orbit.truth(x); }, orbit.planted);
    if (found.x.empty()) return found;
    auto const& ray = orbit.ray;
    auto const gram = impl::eigenvalues(impl::inner(ray[1], ray[1]), impl::inner(ray[1], ray[2]),
                                        impl::inner(ray[2], ray[2]));
    double const level = std::sqrt(2 * found.upper) + 1e-9 * impl::length(orbit.target);
    double const farthest =
        (level + impl::length(orbit.target) + impl::length(ray[0])) / std::sqrt(gram[0]);
    double const half_width = farthest + std::max(std::abs(found.x[0]), std::abs(found.x[1]));
    if (!impl::higher_outside([&](auto const& x) { return std::sqrt(2 * orbit.truth(x).upper); },
                              std::sqrt(gram[1]), level, found.x, orbit.convex_radius(found.x),
                              half_width))
      return impl::unknown_optimum();
    return found;
  }
};

struct OrthogonalTruth : OrbitData {
  int rows = 1, columns = 1;

  /// A^T B = U Sigma V^T, A and B n x r
  impl::ThinSvd align(std::vector<double> const& a, std::vector<double> const& b) const {
    return impl::thin_svd(
        columns, columns,
        impl::product(columns, rows, columns, impl::transposed(rows, columns, a), b));
  }
  std::vector<double> turned(std::vector<double> const& l, impl::ThinSvd const& svd) const {
    return impl::product(rows, columns, columns, l,
                         impl::product(columns, columns, columns, svd.u, svd.vt));
  }

  /// L^T C = U Sigma V^T: y* = L U V^T, F = 1/2 |y* - C|^2
  Truth truth(std::vector<double> const& x) const {
    auto const l = ray_at(x);
    auto const svd = align(l, target);
    auto const nearest = turned(l, svd),
               rotation = impl::product(columns, columns, columns, svd.u, svd.vt);
    auto const gap = impl::plus(nearest, -1, target);
    Truth t;
    t.upper = 0.5 * impl::inner(gap, gap);
    // <L, L_j> - <L_j^T C, U V^T> = <L_j, (y* - C) (U V^T)^T>
    auto const turned_back =
        impl::product(rows, columns, columns, gap, impl::transposed(columns, columns, rotation));
    for (int j = 0; j < 2; ++j) t.gradient.push_back(impl::inner(ray[1 + j], turned_back));
    t.differentiable = svd.s.back() > 1e-12 * svd.s.front();
    if (t.differentiable) t.selection = nearest;
    return t;
  }

  /// Radius of a disc about x in which F is convex. With A = L^T C = U Sigma V^T and A_i = L_i^T C,
  ///   d_ij F = <L_i, L_j> - sum_{a<b} K^i_ab K^j_ab / (sigma_a + sigma_b),
  ///   K^i = W^i - (W^i)^T, W^i = U^T A_i V,
  /// and the third derivative of |A|_* along B is at most (8 + 4 sqrt 2) |B|^3 / s^2, s the sum of
  /// the two smallest singular values, which changes by at most sqrt 2 times what A does. (Differentiate
  /// Omega S + S Omega = P^T B - B^T P, where P S is the polar decomposition and P' = P Omega.) Where A
  /// is singular F has a kink.
  double convex_radius(std::vector<double> const& x) const {
    auto const svd = align(ray_at(x), target);
    std::vector<double> k[2];
    double speed = 0;
    for (int j = 0; j < 2; ++j) {
      auto const a = impl::product(columns, rows, columns,
                                   impl::transposed(rows, columns, ray[1 + j]), target);
      speed += impl::inner(a, a);
      auto const w = impl::product(
          columns, columns, columns, impl::transposed(columns, columns, svd.u),
          impl::product(columns, columns, columns, a, impl::transposed(columns, columns, svd.vt)));
      k[j] = impl::plus(w, -1, impl::transposed(columns, columns, w));
    }
    speed = std::sqrt(speed);
    double hessian[3] = {impl::inner(ray[1], ray[1]), impl::inner(ray[1], ray[2]),
                         impl::inner(ray[2], ray[2])};
    for (int a = 0; a < columns; ++a)
      for (int b = a + 1; b < columns; ++b) {
        double const sum = svd.s[a] + svd.s[b], k0 = k[0][a * columns + b],
                     k1 = k[1][a * columns + b];
        hessian[0] -= k0 * k0 / sum;
        hessian[1] -= k0 * k1 / sum;
        hessian[2] -= k1 * k1 / sum;
      }
    double const lowest = impl::eigenvalues(hessian[0], hessian[1], hessian[2])[0];
    double const s = svd.s[columns - 2] + svd.s[columns - 1];
    // Within 0.1 s / speed, s is at least 0.85 times what it is at x.
    return std::min(
        {0.1 * s / speed, 0.99 * svd.s.back() / speed,
         lowest * std::pow(0.85 * s, 2) / ((8 + 4 * std::numbers::sqrt2) * std::pow(speed, 3))});
  }
  Optimum optimum() const { return certain_minimum(*this); }

  double distance(std::vector<double> const& x, std::vector<double> const& y) const {
    auto const l = ray_at(x);
    return impl::length(impl::plus(turned(l, align(l, y)), -1, y));
  }
};

struct PhaseTruth : OrbitData {
  std::complex<double> entry(std::vector<double> const& v, std::size_t i) const {
    return {v[i], v[v.size() / 2 + i]};
  }
  /// l^* v
  std::complex<double> hermitian(std::vector<double> const& l, std::vector<double> const& v) const {
    std::complex<double> sum = 0;
    for (std::size_t i = 0; i < v.size() / 2; ++i) sum += std::conj(entry(l, i)) * entry(v, i);
    return sum;
  }
  std::vector<double> times(std::complex<double> phase, std::vector<double> const& v) const {
    std::vector<double> result(v.size());
    for (std::size_t i = 0; i < v.size() / 2; ++i) {
      auto const z = phase * entry(v, i);
      result[i] = z.real();
      result[v.size() / 2 + i] = z.imag();
    }
    return result;
  }
  static std::complex<double> phase_of(std::complex<double> z) {
    return std::abs(z) > 0 ? z / std::abs(z) : 1.0;
  }

  /// h = l^* c: y* = l h/|h|, F = 1/2 |y* - c|^2
  Truth truth(std::vector<double> const& x) const {
    auto const l = ray_at(x);
    auto const h = hermitian(l, target), phase = phase_of(h);
    auto const nearest = times(phase, l), gap = impl::plus(nearest, -1, target);
    Truth t;
    t.upper = 0.5 * impl::inner(gap, gap);
    // Re<l_j, l> - Re(conj(phase) <l_j, c>)
    for (int j = 0; j < 2; ++j)
      t.gradient.push_back((std::conj(phase) * hermitian(ray[1 + j], gap)).real());
    t.differentiable = std::abs(h) > 1e-12 * impl::length(l) * impl::length(target);
    if (t.differentiable) t.selection = nearest;
    return t;
  }

  /// As for the orthogonal orbit: with h = l^* c, h_i = l_i^* c and phase h/|h|,
  ///   d_ij F = Re<l_i, l_j> - Im(conj(phase) h_i) Im(conj(phase) h_j) / |h|,
  /// and the third derivative of |h| along b is at most 2/sqrt(3) |b|^3 / |h|^2.
  double convex_radius(std::vector<double> const& x) const {
    auto const h = hermitian(ray_at(x), target), phase = phase_of(h);
    std::complex<double> const turn[2] = {std::conj(phase) * hermitian(ray[1], target),
                                          std::conj(phase) * hermitian(ray[2], target)};
    double const size = std::abs(h), speed = std::hypot(std::abs(turn[0]), std::abs(turn[1]));
    auto const entry_of = [&](int i, int j) {
      return impl::inner(ray[1 + i], ray[1 + j]) - turn[i].imag() * turn[j].imag() / size;
    };
    double const lowest = impl::eigenvalues(entry_of(0, 0), entry_of(0, 1), entry_of(1, 1))[0];
    return std::min(0.1 * size / speed, lowest * std::pow(0.9 * size, 2) * std::numbers::sqrt3 /
                                            (2 * std::pow(speed, 3)));
  }
  Optimum optimum() const { return certain_minimum(*this); }

  double distance(std::vector<double> const& x, std::vector<double> const& y) const {
    auto const l = ray_at(x);
    return impl::length(impl::plus(times(phase_of(hermitian(l, y)), l), -1, y));
  }
};

double noise_key(Settings& settings) {
  return settings.number("noise", 0.1, 0, 10, "distance of the target from the planted orbit");
}
std::vector<double> planted_key(Settings& settings) {
  return impl::numbers_within(settings, "planted", {0.5, -0.4}, 2, -10, 10,
                              "x whose orbit is near the target, and the minimizer near it");
}
std::vector<double> start_key(Settings& settings) {
  return settings.numbers("x0", {-0.3, 0.3}, 2, "start of the upper variable");
}

template <class T>
NamedProblem<T> make_orthogonal_orbit(Settings& settings, ProblemContext const& context) {
  using E = Kokkos::DefaultExecutionSpace;
  auto data = std::make_shared<OrthogonalTruth>();
  int const n = settings.integer("n", 5, 2, 64, "rows of Y");
  int const r =
      settings.integer("r", std::min(2, n), 2, std::min(n, OrthogonalOrbit<T, E>::max_columns),
                       "columns of Y, at most rows");
  double const noise = noise_key(settings);
  data->planted = planted_key(settings);
  auto const start = start_key(settings);
  data->rows = n;
  data->columns = r;

  data->ray[0] = impl::reflection_columns(impl::problem_normals(context.seed, 0, n, 1), r);
  for (int i = 0; i < n; ++i)
    for (int a = 0; a < r; ++a) data->ray[0][i * r + a] *= 1.0 + double(a) / (r - 1);
  for (int j = 1; j < 3; ++j)
    data->ray[j] = impl::of_length(0.8, impl::problem_normals(context.seed, j, n, r));
  // A random rotation: the orthogonal polar factor of a matrix of normal numbers.
  auto const svd = impl::thin_svd(r, r, impl::problem_normals(context.seed, 3, r, r));
  data->target = impl::plus(data->turned(data->ray_at(data->planted), svd), 1,
                            impl::of_length(noise, impl::problem_normals(context.seed, 4, n, r)));

  OrthogonalOrbit<T, E> functor;
  functor.factor = impl::device_vectors<T, E>("minfold::orthogonal_orbit::factor", n * r, 3,
                                              data->interleaved());
  functor.target = impl::device_scalars<T, E>("minfold::orthogonal_orbit::target", data->target);
  functor.rows = n;
  functor.columns = r;
  return impl::assemble<T, OrthogonalOrbit<T, E>, OrthogonalTruth>(functor, start, data);
}

template <class T>
NamedProblem<T> make_phase_orbit(Settings& settings, ProblemContext const& context) {
  using E = Kokkos::DefaultExecutionSpace;
  auto data = std::make_shared<PhaseTruth>();
  int const n = settings.integer("n", 4, 2, 512, "complex numbers in y");
  double const noise = noise_key(settings);
  data->planted = planted_key(settings);
  auto const start = start_key(settings);

  double const lengths[3] = {1.5, 0.8, 0.8};
  for (int j = 0; j < 3; ++j)
    data->ray[j] = impl::of_length(lengths[j], impl::problem_normals(context.seed, j, 2 * n, 1));
  double const angle = normal({context.seed, Stream::problem, 3, 0, 0});
  data->target =
      impl::plus(data->times(std::polar(1.0, angle), data->ray_at(data->planted)), 1,
                 impl::of_length(noise, impl::problem_normals(context.seed, 4, 2 * n, 1)));

  PhaseOrbit<T, E> functor;
  functor.ray =
      impl::device_vectors<T, E>("minfold::phase_orbit::ray", 2 * n, 3, data->interleaved());
  functor.target = impl::device_scalars<T, E>("minfold::phase_orbit::target", data->target);
  return impl::assemble<T, PhaseOrbit<T, E>, PhaseTruth>(functor, start, data);
}

}  // namespace

CatalogEntry orthogonal_orbit_entry() {
  return {"orthogonal-orbit", "the factors of a matrix, up to an orthogonal one",
          make_orthogonal_orbit<double>, make_orthogonal_orbit<float>};
}
CatalogEntry phase_orbit_entry() {
  return {"phase-orbit", "a complex vector up to its phase", make_phase_orbit<double>,
          make_phase_orbit<float>};
}

}  // namespace minfold
