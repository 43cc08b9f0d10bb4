// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/tangent_space.hpp>

#include "property.hpp"

namespace minfold::test {

namespace {

/// What a least-squares solve says: x = A^+ b and rest = b - A x, the kernel that which was planted.
template <class T>
void check_least_squares(Findings& found, std::string const& name, Truth<T> const& t, Vec const& b,
                         Vec const& x, Vec const& rest, SolveRecord<T> const& r, double tolerance) {
  auto const expect = [&](bool holds, auto const&... words) {
    found.expect(holds, t.draw, name, words..., "recorded residual", r.residual, "leakage",
                 r.leakage, "iterations", r.iterations);
  };
  double const b_norm = norm(b);
  if (b_norm == 0) {
    expect(norm(x) + norm(rest) == 0, "zero");
    return;
  }
  expect(!t.draw.poison, "certifies what is not finite");
  if (t.draw.poison) return;
  // ||A r|| bounds the errors in the range: by 1/mu^2 that of z, by 1/mu that of r.
  double const noise = level(t, norm(x), b_norm), mu = t.magnitude(t.draw.k);
  auto const residual = minus(b, t.multiply(x));
  double const normal = norm(t.multiply(residual)), size = t.norm * b_norm;
  expect(normal <= r.residual * size + t.norm * noise, "normal residual", normal / size);
  // The computed one met the tolerance; it differs from this one by rounding.
  expect(normal <= tolerance * norm(t.multiply(b)) + t.norm * noise, "normal residual",
         normal / size);
  double const left = normal + t.norm * noise;
  expect(norm(minus(rest, residual)) <= noise, "kernel part is no residual");
  auto const error = minus(x, t.pseudo_inverse(b, t.draw.k));
  auto const other = minus(rest, t.kernel_part(b, t.draw.k));
  if (t.draw.k < t.n()) {
    expect(norm(t.range_part(error, t.draw.k)) <= 2 * left / mu / mu, "error in the range");
    expect(norm(t.range_part(other, t.draw.k)) <= 2 * left / mu, "kernel part in the range");
  }
  if (t.draw.gap == 0) {
    expect(norm(error) <= 10 * left / mu / mu, "error", norm(error), "of", norm(x));
    expect(norm(other) <= 10 * left / mu + noise, "kernel part", norm(other), "of", b_norm);
    expect(
        std::abs(r.leakage * b_norm - norm(t.kernel_part(b, t.draw.k))) <= 10 * left / mu + noise,
        "leakage");
  }
}

}  // namespace

template <class T>
void try_pinv_cgls(std::uint64_t seed, int which, Findings& found) {
  Batch<T> batch(seed);
  batch.draw_rhs(true);
  char const* const names[] = {"pinv_cgls fused", "pinv_cgls bulk", "pinv_cgls by halves"};
  constexpr Path paths[] = {Path::fused, Path::bulk, Path::halves};
  std::string const name = names[which];
  auto const z = batch.block(), part = batch.block();
  auto const records = batch.solve_records();
  PinvCglsOptions<T> const options{.path = paths[which]};
  pinv_cgls(Space(), DenseOperator(batch.matrices), batch.rhs, z, part, records, options);
  auto const zs = on_host(z), bs = on_host(batch.rhs), parts = on_host(part);
  auto const rs = on_host(records);
  for (int item = 0; item < batch.count(); ++item)
    for (int c = 0; c < batch.columns; ++c) {
      auto const& r = rs(item * batch.columns + c);
      auto const& t = batch.items[item];
      auto const x = row(zs, item, c), b = row(bs, item, c), rest = row(parts, item, c);
      found.count(name, r.outcome == Outcome::converged);
      found.expect(all_finite(x) && all_finite(rest), t.draw, name, "not finite");
      if (r.outcome == Outcome::converged)
        check_least_squares(found, name, t, b, x, rest, r, options.relative_tolerance);
    }
}

template <class T>
void try_tangent_space(std::uint64_t seed, int which, Findings& found) {
  Batch<T> batch(seed);
  batch.draw_rhs(true);
  auto const asked = Representation(which);
  std::string const name = std::string("tangent_space ") + to_string(asked);
  TangentSpaceOptions<T> const options{.representation = asked,
                                       .kernel_tolerance = batch.kernel_tolerance,
                                       .block = pick(seed, 5, 1, 16),
                                       .max_basis = pick(seed, 6, 8, 64),
                                       .seed = seed};
  bool const in_bulk = chance(seed, 7, 0.5);
  DenseOperator const dense(batch.matrices);
  InBulk<T> const bulk{batch.matrices};
  auto const t =
      in_bulk ? tangent_space(Space(), bulk, options) : tangent_space(Space(), dense, options);
  auto const z = batch.block(), part = batch.block();
  auto const solves = batch.solve_records();
  Blocks<T const, Space> const b(batch.rhs);
  if (in_bulk)
    tangent_solve(Space(), bulk, t, b, z, part, solves);
  else
    tangent_solve(Space(), dense, t, b, z, part, solves);
  double const tolerance = default_tolerance<T>;
  auto const zs = on_host(z), bs = on_host(batch.rhs), parts = on_host(part);
  auto const rs = on_host(solves);
  auto const ks = on_host(t.records);
  auto const vectors = on_host(t.basis.vectors);
  bool const has_basis = t.representation == Representation::kernel_basis;
  for (int item = 0; item < batch.count(); ++item) {
    auto const& truth = batch.items[item];
    auto const& kernel = ks(item);
    bool const known = kernel.outcome == Outcome::converged;
    if (t.representation != Representation::implicit) found.count(name + " kernel", known);
    if (known)
      check_kernel(found, name, truth, kernel, has_basis ? &vectors : nullptr, item,
                   batch.kernel_tolerance, t.representation != Representation::spectral);
    for (int c = 0; c < batch.columns; ++c) {
      auto const& r = rs(item * batch.columns + c);
      auto const x = row(zs, item, c), rest = row(parts, item, c), v = row(bs, item, c);
      bool const converged = r.outcome == Outcome::converged;
      found.count(name, converged);
      found.expect(all_finite(x) && all_finite(rest), truth.draw, name, "not finite");
      if (!converged) continue;
      if (norm(v) == 0) {
        found.expect(norm(x) + norm(rest) == 0, truth.draw, name, "zero");
        continue;
      }
      if (t.representation == Representation::implicit) {
        check_least_squares(found, name, truth, v, x, rest, r, tolerance);
        continue;
      }
      found.expect(known || kernel.outcome == Outcome::indefinite_operator, truth.draw, name,
                   "converged without a kernel", kernel.outcome);
      double const angle =
          kernel.smallest_kept > 0
              ? kernel.kernel_residual * kernel.norm_estimate / kernel.smallest_kept
              : 0;
      check_solution(found, name, truth, kernel.dimension, true, epsilon<T> + angle, v, x, r,
                     tolerance);
      // What of b the solve leaves is the part in the kernel.
      double const noise = level(truth, norm(x), norm(v));
      if (!truth.draw.poison && truth.magnitude(kernel.dimension) > 0) {
        double const mu = truth.magnitude(kernel.dimension);
        double const error = norm(minus(rest, truth.kernel_part(v, kernel.dimension)));
        double const allowed =
            2 * (noise * truth.norm / mu + angle * norm(v)) + noise +
            2 * std::max(tolerance, double(r.residual)) * norm(v) * truth.norm / mu;
        found.expect(error <= allowed, truth.draw, name, "kernel part", error, "allowed", allowed);
      }
    }
  }
}

template void try_pinv_cgls<float>(std::uint64_t, int, Findings&);
template void try_pinv_cgls<double>(std::uint64_t, int, Findings&);
template void try_tangent_space<float>(std::uint64_t, int, Findings&);
template void try_tangent_space<double>(std::uint64_t, int, Findings&);

}  // namespace minfold::test
