// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_CERTIFICATES_HPP
#define MINFOLD_TESTS_CERTIFICATES_HPP

#include "support/draws.hpp"
#include "support/solve.hpp"

/// Batches of random problems, and whether what records say of them is true.
namespace minfold::test {

/// What the draws of a batch have in common, besides their order.
struct Common {
  bool semidefinite = false;
  bool scale = false;  ///< one for all items
  int least_order = 1, most_order = 48, most_kernel = 48;
  int items = 20;
};

/// Draws of one order, and what a call needs of them.
template <class T>
struct Batch {
  std::uint64_t seed;
  int n, columns;
  std::vector<Truth<T>> items;
  T kernel_tolerance;
  Blocks<T, Space> matrices, rhs;

  int count() const { return int(items.size()); }

  explicit Batch(std::uint64_t s, Common const& common = {})
      : seed(s), n(pick(s, 0, common.least_order, common.most_order)), columns(pick(s, 1, 1, 3)) {
    bool const single = std::is_same_v<T, float>;
    std::vector<Vec> rounded;
    for (int i = 0; i < common.items; ++i) {
      Draw draw(seed * 1000 + std::uint64_t(i), n, single);
      if (draw.k > common.most_kernel) draw.k = pick(draw.seed, 15, 0, common.most_kernel);
      if (common.scale && i > 0) draw.scale = items[0].draw.scale;
      items.emplace_back(common.semidefinite ? draw.semidefinite() : draw);
      rounded.push_back(items[i].matrix);
    }
    matrices = to_matrices<T>(rounded, n);
    kernel_tolerance = default_kernel_tolerance<T>;
    if (chance(seed, 2, 0.5))
      kernel_tolerance = T(single ? log_uniform(seed, 3, -4, -1.5) : log_uniform(seed, 3, -9, -3));
  }

  /// Right-hand sides in the range, near it, anywhere, or zero. Rounded to T.
  void draw_rhs(bool anywhere) {
    bool const single = std::is_same_v<T, float>;
    rhs = Blocks<T, Space>("test::rhs", count(), columns, n);
    auto const host = Kokkos::create_mirror_view(rhs);
    for (int item = 0; item < count(); ++item)
      for (int c = 0; c < columns; ++c) {
        auto const& t = items[item];
        std::uint64_t const s = t.draw.seed;
        int const tag = 100 + 10 * c;
        auto const v = normals(s, tag, n);
        double outside = 0;
        if (anywhere || chance(s, tag + 1, 0.3)) outside = log_uniform(s, tag + 2, -15, 0);
        double const size =
            single ? log_uniform(s, tag + 3, -10, 10) : log_uniform(s, tag + 3, -100, 100);
        bool const zero = chance(s, tag + 4, 0.02);
        auto const inside = t.range_part(v, t.draw.k), kernel = t.kernel_part(v, t.draw.k);
        for (int i = 0; i < n; ++i)
          host(item, c, i) = zero ? T(0) : T(size * (inside[i] + outside * kernel[i]));
      }
    Kokkos::deep_copy(rhs, host);
  }

  Scalars<SolveRecord<T>, Space> solve_records() const {
    return {"test::records", std::size_t(count() * columns)};
  }
  Blocks<T, Space> block() const {
    return {"test::block", std::size_t(count()), std::size_t(columns), std::size_t(n)};
  }
  Basis<T, Space> planted() const {
    std::vector<Planted> p;
    for (auto const& t : items) p.push_back(t.planted);
    return planted_basis<T>(p);
  }
};

/// Rounding of a residual A z - b.
template <class T>
double level(Truth<T> const& t, double z_norm, double b_norm) {
  return 16 * std::sqrt(double(t.n())) * epsilon<T> * (t.norm * z_norm + b_norm);
}

/// Dimension, gap, basis and measurements of a kernel. `estimated`: ||A|| and the smallest kept
/// eigenvalue are estimates, from below and from above.
template <class T, class Host>
void check_kernel(Findings& found, std::string const& method, Truth<T> const& t,
                  KernelRecord<T> const& r, Host const* vectors, int item, double tolerance,
                  bool estimated) {
  auto const expect = [&](bool holds, auto const&... words) {
    found.expect(holds, t.draw, method, words..., "outcome", r.outcome, "dimension", r.dimension,
                 "record gap", r.gap, "tolerance", tolerance);
  };
  int const d = r.dimension, n = t.n();
  expect(!t.draw.poison, "certifies what is not finite");
  if (t.draw.poison) return;
  double const least_norm = (estimated ? 0.5 : 0.99) * t.norm;
  expect(r.norm_estimate >= least_norm && r.norm_estimate <= 1.001 * t.norm, "norm",
         r.norm_estimate, "of", t.norm);
  expect(d >= 0 && d <= n, "dimension");
  expect(t.magnitude(d - 1) <= 1.001 * tolerance * t.norm + t.rounded, "zero is",
         t.magnitude(d - 1) / t.norm);
  expect(t.magnitude(d) >= 0.999 * tolerance * least_norm - t.rounded, "kept is",
         t.magnitude(d) / t.norm);
  double const gap =
      (t.magnitude(d) + t.rounded) / std::max(t.magnitude(d - 1) - t.rounded, t.rounded);
  expect(d == n || gap >= (estimated ? 5 : 9.9), "gap is", gap);
  expect(t.lowest() >= -1.001 * tolerance * t.norm - t.rounded, "indefinite", t.lowest() / t.norm);
  if (!vectors) return;
  std::vector<Vec> q;
  for (int j = 0; j < d; ++j) q.push_back(row(*vectors, item, j));
  double residual = 0, orthogonality = 0, angle = 0;
  for (int j = 0; j < d; ++j) {
    expect(all_finite(q[j]), "basis is not finite");
    residual = std::max(residual, norm(t.multiply(q[j])));
    angle = std::max(angle, norm(t.range_part(q[j], d)));
    for (int l = 0; l <= j; ++l)
      orthogonality = std::max(orthogonality, std::abs(dot(q[j], q[l]) - (l == j)));
  }
  double const size = r.norm_estimate > 0 ? double(r.norm_estimate) : 1;
  expect(std::abs(r.kernel_residual * size - residual) <= 4 * t.rounded, "residual", residual,
         "recorded", r.kernel_residual * size);
  double const loose = std::is_same_v<T, float> ? 1e-5 : 1e-13;
  expect(std::abs(r.orthogonality - orthogonality) <= loose, "orthogonality", orthogonality,
         "recorded", r.orthogonality);
  // A basis made by solving meets the level of its solves, as test_planted_kernels has it. Where an
  // eigenvalue is within a few times the tolerance it may miss that: then it holds what its gap says.
  // The Ritz value of a vector at the angle a to the kernel is about sin^2 a times the smallest kept.
  double const solves = estimated ? (std::is_same_v<T, float> ? 3e-5 : 1e-10) * t.norm : 0;
  double const strict = 2 * t.magnitude(d - 1) + 4 * t.rounded + solves;
  bool const loose_residual = estimated && d < n && !(residual <= strict);
  double const allowed = loose_residual ? 1.1 * r.smallest_kept / std::sqrt(r.gap) : strict;
  ++found.bases;
  found.loose_bases += loose_residual || !(orthogonality <= 10 * loose);
  expect(residual <= allowed, "residual", residual / t.norm, "allowed", allowed / t.norm);
  expect(d == n || angle <= 2 * allowed / t.magnitude(d), "angle", angle, "allowed",
         2 * allowed / t.magnitude(d));
}

/// Residual and error of z against A^+ b, where the `kernel` smallest eigenvectors are the kernel;
/// `projected`: b was meant to be projected; `basis_error`: by a basis of that angle to them, besides
/// rounding over the gap. 0: by the planted one.
template <class T>
void check_solution(Findings& found, std::string const& method, Truth<T> const& t, int kernel,
                    bool projected, double basis_error, Vec const& b, Vec const& z,
                    SolveRecord<T> const& r, double tolerance) {
  auto const expect = [&](bool holds, auto const&... words) {
    found.expect(holds, t.draw, method, words..., "recorded residual", r.residual, "leakage",
                 r.leakage, "iterations", r.iterations);
  };
  // Without a product nothing is said of A: b is in the kernel that the caller names.
  expect(!t.draw.poison || (r.products == 0 && norm(z) == 0), "certifies what is not finite");
  if (t.draw.poison) return;
  auto const pb = projected ? t.range_part(b, kernel) : b;
  double const b_norm = norm(b), pb_norm = norm(pb), z_norm = norm(z), mu = t.magnitude(kernel);
  double const rounding_level = level(t, z_norm, b_norm);
  double const noise = basis_error == 0 ? rounding_level
                                        : rounding_level * std::max(1.0, t.norm / mu) +
                                              basis_error * (t.norm * z_norm + b_norm);
  expect(std::abs(r.rhs_norm - b_norm) <= 64 * epsilon<T> * b_norm, "norm of b", r.rhs_norm);
  if (projected)
    expect(std::abs(r.leakage * b_norm - norm(t.kernel_part(b, kernel))) <= noise, "leakage is",
           norm(t.kernel_part(b, kernel)) / b_norm);
  // Nothing but rounding of b is left: A^+ b = 0.
  if (z_norm == 0 && pb_norm <= 2 * noise) return;
  double const residual = norm(minus(t.multiply(z), pb));
  expect(std::abs(residual - r.residual * pb_norm) <= noise, "residual", residual / pb_norm);
  expect(residual <= std::max(tolerance * pb_norm, noise), "residual", residual / pb_norm);
  auto const error = minus(z, t.pseudo_inverse(b, kernel));
  expect(norm(t.range_part(error, kernel)) <= 2 * (residual + noise) / mu, "error in the range",
         norm(t.range_part(error, kernel)), "of", z_norm, "allowed", 2 * (residual + noise) / mu);
  if (projected || t.draw.gap == 0)
    expect(norm(error) <= 10 * (residual + noise) / mu, "error", norm(error), "of", z_norm,
           "allowed", 10 * (residual + noise) / mu);
}

}  // namespace minfold::test

#endif
