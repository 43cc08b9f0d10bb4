// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/orthogonal_orbit.hpp>
#include <minfold/problems/phase_orbit.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <algorithm>
#include <cmath>
#include <complex>

namespace minfold {
namespace {

/// Both targets are planted: a point of S(planted), moved by a vector of length `noise`. F is then
/// close to its smallest value near `planted`, and the minimizer there, found by Newton steps on
/// the closed form, is the minimizer (checked from many starts by the tests, not proved).
struct OrbitData {
  std::vector<double> ray[3];  // L_0, L_1, L_2 or l_0, l_1, l_2
  std::vector<double> target;
  std::vector<double> planted = {0.5, -0.4};

  std::vector<double> ray_at(std::vector<double> const& x) const {
    return impl::plus(impl::plus(ray[0], x[0], ray[1]), x[1], ray[2]);
  }
  std::vector<double> interleaved() const {
    std::vector<double> entries(3 * target.size());
    for (std::size_t t = 0; t < target.size(); ++t)
      for (int j = 0; j < 3; ++j) entries[3 * t + j] = ray[j][t];
    return entries;
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

  Optimum optimum() const {
    return impl::minimum_near([this](auto const& x) { return truth(x); }, planted);
  }

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

  Optimum optimum() const {
    return impl::minimum_near([this](auto const& x) { return truth(x); }, planted);
  }

  double distance(std::vector<double> const& x, std::vector<double> const& y) const {
    auto const l = ray_at(x);
    return impl::length(impl::plus(times(phase_of(hermitian(l, y)), l), -1, y));
  }
};

double noise_key(Settings& settings) {
  return settings.number("noise", 0.1, 0, 10, "distance of the target from the planted orbit");
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
      settings.integer("r", std::min(2, n), 2, std::min(n, 16), "columns of Y, at most rows");
  double const noise = noise_key(settings);
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
