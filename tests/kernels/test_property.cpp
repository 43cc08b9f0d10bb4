// SPDX-License-Identifier: Apache-2.0
// No false certificate: over random problems, whatever a record says that has converged is true.
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/pinv_pcg.hpp>
#include <minfold/kernels/range_finder.hpp>

#include "support/certificates.hpp"
#include <catch2/catch_test_macros.hpp>

using namespace minfold;
using namespace minfold::test;

namespace {

template <class T>
void try_kernel_basis(std::uint64_t seed, int which, Findings& found) {
  Batch<T> const batch(seed);
  char const* const names[] = {"kernel_basis direct", "kernel_basis by blocks",
                               "kernel_basis by team"};
  KernelBasisOptions<T> options{.kernel_tolerance = batch.kernel_tolerance, .seed = seed};
  int const capacity = chance(seed, 4, 0.7) ? batch.n : pick(seed, 5, 1, batch.n);
  Kernels<T> result;
  options.method = which == 0 ? KernelMethod::direct : KernelMethod::randomized;
  if (which == 0)
    result = run_kernel_basis(DenseOperator(batch.matrices), capacity, options);
  else if (which == 1)
    result = run_kernel_basis(InBulk<T>{batch.matrices}, capacity, options);
  else
    result = run_kernel_basis(ByTeam<T>{batch.matrices}, capacity, options);
  auto const vectors = on_host(result.basis.vectors);
  auto const dimension = on_host(result.basis.dimension);
  for (int item = 0; item < batch_items; ++item) {
    auto const& t = batch.items[item];
    auto const& r = result.records[item];
    bool const converged = r.outcome == Outcome::converged;
    found.count(names[which], converged);
    for (int j = 0; j < capacity; ++j)
      found.expect(all_finite(row(vectors, item, j)), t.draw, names[which], "not finite");
    if (!converged) continue;
    found.expect(dimension(item) == r.dimension, t.draw, names[which], "dimension of the basis");
    check_kernel(found, names[which], t, r, &vectors, item, batch.kernel_tolerance, which > 0);
  }
}

template <class T>
void try_pinv_cg(std::uint64_t seed, int which, Findings& found) {
  Batch<T> batch(seed);
  bool const with_basis = chance(seed, 6, 0.5);
  batch.draw_rhs(with_basis);
  char const* const names[] = {"pinv_cg fused", "pinv_cg bulk", "pinv_cg by team"};
  std::string const name = std::string(names[which]) + (with_basis ? " with basis" : "");
  auto const z = batch.block();
  auto const records = batch.solve_records();
  Basis<T, Space> const basis = with_basis ? batch.planted() : Basis<T, Space>{};
  PinvCgOptions<T> options;
  if (which < 2) options.path = which == 0 ? Path::fused : Path::bulk;
  if (which < 2)
    pinv_cg(Space(), DenseOperator(batch.matrices), batch.rhs, z, records, options, basis);
  else
    pinv_cg(Space(), ByTeam<T>{batch.matrices}, batch.rhs, z, records, options, basis);
  auto const zs = on_host(z), bs = on_host(batch.rhs);
  auto const rs = on_host(records);
  for (int item = 0; item < batch_items; ++item)
    for (int c = 0; c < batch.columns; ++c) {
      auto const& r = rs(item * batch.columns + c);
      auto const& t = batch.items[item];
      bool const converged = r.outcome == Outcome::converged;
      found.count(name, converged);
      found.expect(all_finite(row(zs, item, c)), t.draw, name, "z is not finite");
      if (converged && r.rhs_norm == 0)
        found.expect(norm(row(bs, item, c)) + norm(row(zs, item, c)) == 0, t.draw, name, "zero");
      else if (converged)
        check_solution(found, name, t, t.draw.k, with_basis, 0, row(bs, item, c), row(zs, item, c),
                       r, options.relative_tolerance);
    }
}

/// The approximation: never above A, orthonormal, and honest about what is not finite or not >= 0. The
/// solve: as pinv_cg, also with an approximation of another operator and from a first guess.
template <class T>
void try_pinv_pcg(std::uint64_t seed, int which, Findings& found) {
  Batch<T> batch(seed);
  bool const with_basis = chance(seed, 6, 0.5);
  batch.draw_rhs(with_basis);
  char const* const names[] = {"pinv_pcg", "pinv_pcg in bulk"};
  std::string const name = std::string(names[which]) + (with_basis ? " with basis" : "");
  NystromOptions<T> const sketch{.rank = chance(seed, 7, 0.5) ? 0 : pick(seed, 8, 1, batch.n),
                                 .columns = pick(seed, 9, 1, 64),
                                 .smallest = chance(seed, 11, 0.5) ? T(1e-3) : T(0),
                                 .seed = seed};
  Nystrom<T, Space> const u = which == 0 ? nystrom(Space(), DenseOperator(batch.matrices), sketch)
                                         : nystrom(Space(), InBulk<T>{batch.matrices}, sketch);
  auto const vectors = on_host(u.basis.vectors);
  auto const values = on_host(u.values);
  auto const us = on_host(u.records);
  double const loose = std::is_same_v<T, float> ? 1e-4 : 1e-12;
  for (int item = 0; item < batch_items; ++item) {
    auto const& t = batch.items[item];
    auto const& r = us(item);
    auto const expect = [&](bool holds, auto const&... words) {
      found.expect(holds, t.draw, "nystrom", words..., "outcome", r.outcome, "rank", r.rank);
    };
    bool const converged = r.outcome == Outcome::converged;
    found.count("nystrom", converged);
    std::vector<Vec> q;
    for (int j = 0; j < int(vectors.extent(1)); ++j) {
      q.push_back(row(vectors, item, j));
      expect(all_finite(q[j]), "not finite");
    }
    if (!converged) continue;
    expect(!t.draw.poison, "certifies what is not finite");
    if (t.draw.poison) continue;
    expect(r.norm_estimate <= 1.001 * t.norm, "norm", r.norm_estimate, "of", t.norm);
    for (int j = 0; j < r.rank; ++j) {
      // Where A >= 0 the approximation is below it, so are its eigenvalues: Weyl.
      if (!t.draw.indefinite && (t.draw.gap == 0 || t.draw.positive))
        expect(values(item, j) <= 1.001 * t.magnitude(t.n() - 1 - j) + 64 * t.rounded, "value", j,
               values(item, j), "of", t.magnitude(t.n() - 1 - j));
      for (int l = 0; l <= j; ++l)
        expect(std::abs(dot(q[j], q[l]) - (l == j)) <= loose, "orthogonality",
               std::abs(dot(q[j], q[l]) - (l == j)));
    }
  }
  auto const z = batch.block();
  auto const records = batch.solve_records();
  Basis<T, Space> const basis = with_basis ? batch.planted() : Basis<T, Space>{};
  PinvPcgOptions<T> options;
  options.warm_start = with_basis && chance(seed, 12, 0.3);
  if (options.warm_start) Kokkos::deep_copy(z, batch.rhs);
  if (which == 0)
    pinv_pcg(Space(), DenseOperator(batch.matrices), u, batch.rhs, z, records, options, basis);
  else
    pinv_pcg(Space(), InBulk<T>{batch.matrices}, u, batch.rhs, z, records, options, basis);
  auto const zs = on_host(z), bs = on_host(batch.rhs);
  auto const rs = on_host(records);
  for (int item = 0; item < batch_items; ++item)
    for (int c = 0; c < batch.columns; ++c) {
      auto const& r = rs(item * batch.columns + c);
      auto const& t = batch.items[item];
      bool const converged = r.outcome == Outcome::converged;
      found.count(name, converged);
      found.expect(all_finite(row(zs, item, c)), t.draw, name, "z is not finite");
      if (converged && r.rhs_norm == 0)
        found.expect(norm(row(bs, item, c)) + norm(row(zs, item, c)) == 0, t.draw, name, "zero");
      else if (converged)
        check_solution(found, name, t, t.draw.k, with_basis, 0, row(bs, item, c), row(zs, item, c),
                       r, options.relative_tolerance);
    }
}

template <class T>
void try_pinv_cgls(std::uint64_t seed, int which, Findings& found) {
  Batch<T> batch(seed);
  batch.draw_rhs(true);
  char const* const name = which == 0 ? "pinv_cgls fused" : "pinv_cgls bulk";
  auto const z = batch.block(), part = batch.block();
  auto const records = batch.solve_records();
  PinvCglsOptions<T> const options{.path = which == 0 ? Path::fused : Path::bulk};
  pinv_cgls(Space(), DenseOperator(batch.matrices), batch.rhs, z, part, records, options);
  auto const zs = on_host(z), bs = on_host(batch.rhs), parts = on_host(part);
  auto const rs = on_host(records);
  for (int item = 0; item < batch_items; ++item)
    for (int c = 0; c < batch.columns; ++c) {
      auto const& r = rs(item * batch.columns + c);
      auto const& t = batch.items[item];
      auto const x = row(zs, item, c), b = row(bs, item, c), rest = row(parts, item, c);
      bool const converged = r.outcome == Outcome::converged;
      found.count(name, converged);
      auto const expect = [&](bool holds, auto const&... words) {
        found.expect(holds, t.draw, name, words..., "recorded residual", r.residual, "leakage",
                     r.leakage, "iterations", r.iterations);
      };
      expect(all_finite(x) && all_finite(rest), "not finite");
      if (!converged) continue;
      double const b_norm = norm(b);
      if (b_norm == 0) {
        expect(norm(x) + norm(rest) == 0, "zero");
        continue;
      }
      expect(!t.draw.poison, "certifies what is not finite");
      if (t.draw.poison) continue;
      // ||A r|| bounds the errors in the range: by 1/mu^2 that of z, by 1/mu that of r.
      double const noise = level(t, norm(x), b_norm), mu = t.magnitude(t.draw.k);
      auto const residual = minus(b, t.multiply(x));
      double const normal = norm(t.multiply(residual)), size = t.norm * b_norm;
      expect(normal <= r.residual * size + t.norm * noise, "normal residual", normal / size);
      expect(normal <= std::max(options.relative_tolerance * norm(t.multiply(b)), t.norm * noise),
             "normal residual", normal / size);
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
        expect(std::abs(r.leakage * b_norm - norm(t.kernel_part(b, t.draw.k))) <=
                   10 * left / mu + noise,
               "leakage");
      }
    }
}

template <class T>
void try_pinv_direct(std::uint64_t seed, int, Findings& found) {
  Batch<T> batch(seed);
  batch.draw_rhs(true);
  char const* const name = "pinv_direct";
  auto const z = batch.block();
  auto const records = batch.solve_records();
  Scalars<KernelRecord<T>, Space> const kernels("test::kernels", batch_items);
  PinvDirectOptions<T> const options{.kernel_tolerance = batch.kernel_tolerance};
  if (chance(seed, 7, 0.5))
    pinv_direct(Space(), DenseOperator(batch.matrices), batch.rhs, z, records, kernels, options);
  else
    pinv_direct(Space(), InBulk<T>{batch.matrices}, batch.rhs, z, records, kernels, options);
  auto const zs = on_host(z), bs = on_host(batch.rhs);
  auto const rs = on_host(records);
  auto const ks = on_host(kernels);
  for (int item = 0; item < batch_items; ++item) {
    auto const& t = batch.items[item];
    if (ks(item).outcome == Outcome::converged)
      check_kernel<T, decltype(zs)>(found, name, t, ks(item), nullptr, item, batch.kernel_tolerance,
                                    false);
    for (int c = 0; c < batch.columns; ++c) {
      auto const& r = rs(item * batch.columns + c);
      bool const converged = r.outcome == Outcome::converged;
      found.count(name, converged);
      found.expect(all_finite(row(zs, item, c)), t.draw, name, "z is not finite");
      if (!converged) continue;
      auto kernel = ks(item);
      found.expect(
          kernel.outcome == Outcome::converged || kernel.outcome == Outcome::indefinite_operator,
          t.draw, name, "converged without a kernel");
      check_solution(found, name, t, kernel.dimension, true, epsilon<T>, row(bs, item, c),
                     row(zs, item, c), r, options.relative_tolerance);
    }
  }
}

template <class T>
void try_kernel_and_pinv(std::uint64_t seed, FactorMethod method, Findings& found) {
  Batch<T> batch(seed);
  batch.draw_rhs(true);
  std::string const name = "kernel_and_pinv " + std::to_string(int(method));
  int const n = batch.n, capacity = chance(seed, 4, 0.7) ? n : pick(seed, 5, 1, n);
  auto const basis = new_basis<T>(batch_items, capacity, n);
  auto const z = batch.block();
  auto const records = batch.solve_records();
  Scalars<KernelRecord<T>, Space> const kernels("test::kernels", batch_items);
  KernelAndPinvOptions<T> const options{
      .method = method, .kernel_tolerance = batch.kernel_tolerance, .seed = seed};
  kernel_and_pinv(Space(), DenseOperator(batch.matrices), batch.rhs, z, basis, records, kernels,
                  options);
  auto const zs = on_host(z), bs = on_host(batch.rhs), vectors = on_host(basis.vectors);
  auto const dimension = on_host(basis.dimension);
  auto const rs = on_host(records);
  auto const ks = on_host(kernels);
  for (int item = 0; item < batch_items; ++item) {
    auto const& t = batch.items[item];
    auto const& kernel = ks(item);
    bool const known = kernel.outcome == Outcome::converged;
    found.count(name + " basis", known);
    for (int j = 0; j < capacity; ++j)
      found.expect(all_finite(row(vectors, item, j)), t.draw, name, "not finite");
    if (known) {
      found.expect(dimension(item) == kernel.dimension, t.draw, name, "dimension of the basis");
      check_kernel(found, name, t, kernel, &vectors, item, batch.kernel_tolerance, true);
    }
    for (int c = 0; c < batch.columns; ++c) {
      auto const& r = rs(item * batch.columns + c);
      bool const converged = r.outcome == Outcome::converged;
      found.count(name, converged);
      found.expect(all_finite(row(zs, item, c)), t.draw, name, "z is not finite");
      if (!converged) continue;
      found.expect(known || kernel.outcome == Outcome::rank_limit ||
                       kernel.outcome == Outcome::indefinite_operator,
                   t.draw, name, "converged without a kernel");
      // The certificate of the basis: ||A Q|| is at least the smallest kept times the sine.
      double const angle =
          kernel.smallest_kept > 0
              ? kernel.kernel_residual * kernel.norm_estimate / kernel.smallest_kept
              : 0;
      check_solution(found, name, t, kernel.dimension, true, epsilon<T> + angle, row(bs, item, c),
                     row(zs, item, c), r, options.relative_tolerance);
    }
  }
}

/// Lower bound of ||(I - Q Q^T) A||, close to it: power iteration.
template <class T>
double range_residual(Truth<T> const& t, std::vector<Vec> const& q) {
  auto const off = [&](Vec v) {
    for (auto const& basis : q) v = minus(v, times(dot(basis, v), basis));
    return v;
  };
  auto x = normals(t.draw.seed, 200, t.n());
  double size = 0;
  for (int step = 0; step < 30; ++step) {
    double const length = norm(x);
    if (length == 0) break;
    x = times(1 / length, x);
    auto const image = off(t.multiply(x));
    size = std::max(size, norm(image));
    x = t.multiply(off(image));
  }
  return size;
}

template <class T>
void try_range_finder(std::uint64_t seed, int which, Findings& found) {
  // Pivoted Cholesky is for matrices that the caller knows to be semidefinite.
  bool const pivoted = which > 1;
  Batch<T> const batch(seed, pivoted);
  char const* const names[] = {"range_finder tolerance", "range_finder rank",
                               "range_finder pivoted tolerance", "range_finder pivoted rank"};
  std::string const name = names[which];
  int const n = batch.n, capacity = chance(seed, 4, 0.7) ? n : pick(seed, 5, 1, n);
  auto const basis = new_basis<T>(batch_items, capacity, n);
  Vectors<T, Space> const values("test::values", batch_items, capacity);
  Scalars<RangeRecord<T>, Space> const records("test::records", batch_items);
  RangeFinderOptions<T> const options{
      .rank = which % 2 == 0 ? 0 : pick(seed, 8, 1, capacity),
      .tolerance = batch.kernel_tolerance,
      .power_iterations = pick(seed, 9, 0, 2),
      .seed = seed,
      .method = pivoted ? RangeMethod::pivoted_cholesky : RangeMethod::sketch,
      .semidefinite = pivoted};
  if (pivoted || chance(seed, 7, 0.5))
    range_finder(Space(), DenseOperator(batch.matrices), basis, values, records, options);
  else
    range_finder(Space(), InBulk<T>{batch.matrices}, basis, values, records, options);
  auto const vectors = on_host(basis.vectors);
  auto const ritz = on_host(values);
  auto const rs = on_host(records);
  for (int item = 0; item < batch_items; ++item) {
    auto const& r = rs(item);
    auto const& t = batch.items[item];
    auto const expect = [&](bool holds, auto const&... words) {
      found.expect(holds, t.draw, name, words..., "outcome", r.outcome, "rank", r.rank,
                   "record gap", r.gap, "tolerance", options.tolerance);
    };
    found.count(name, r.outcome == Outcome::converged);
    std::vector<Vec> q;
    for (int j = 0; j < capacity; ++j) {
      q.push_back(row(vectors, item, j));
      expect(all_finite(q[j]) && std::isfinite(ritz(item, j)), "not finite");
    }
    if (r.outcome != Outcome::converged) continue;
    expect(!t.draw.poison, "certifies what is not finite");
    if (t.draw.poison) continue;
    q.resize(r.rank);
    double orthogonality = 0;
    for (int j = 0; j < r.rank; ++j)
      for (int l = 0; l <= j; ++l)
        orthogonality = std::max(orthogonality, std::abs(dot(q[j], q[l]) - (l == j)));
    // 1e-12 as the other tests of bases ask for.
    double const loose = std::is_same_v<T, float> ? 1e-5 : 1e-12;
    expect(orthogonality <= loose, "orthogonality", orthogonality);
    expect(std::abs(r.orthogonality - orthogonality) <= 0.1 * loose, "orthogonality", orthogonality,
           "recorded", r.orthogonality);
    double const size = r.norm_estimate, bound = r.range_residual * size + t.rounded;
    expect(size <= 1.001 * t.norm && size >= 0.3 * t.norm, "norm", size, "of", t.norm);
    double const residual = range_residual(t, q);
    expect(residual <= bound, "range residual", residual / size, "recorded", r.range_residual);
    for (int j = 0; j < r.rank; ++j)
      expect(std::abs(std::abs(ritz(item, j)) - t.magnitude(n - 1 - j)) <= 2 * bound, "value", j,
             ritz(item, j), "of", t.magnitude(n - 1 - j));
    if (options.rank > 0) continue;
    expect(residual <= 2 * options.tolerance * t.norm + t.rounded, "range residual",
           residual / t.norm);
    double const dropped = std::max(t.magnitude(n - r.rank - 1) - t.rounded, t.rounded);
    expect(r.rank == 0 || (t.magnitude(n - r.rank) + t.rounded) / dropped >= 5, "gap is",
           (t.magnitude(n - r.rank) + t.rounded) / dropped);
  }
}

/// `draws` problems, each given to one method in one precision.
void look_for_false_certificates(int draws) {
  Findings found;
  for (int batch = 0; batch * batch_items < draws; ++batch) {
    auto const seed = std::uint64_t(batch);
    auto const run = [&]<class T>(T) {
      switch (int const method = pick(seed, 90, 0, 20)) {
        case 0:
        case 1:
        case 2: return try_kernel_basis<T>(seed, method, found);
        case 3:
        case 4:
        case 5: return try_pinv_cg<T>(seed, method - 3, found);
        case 6:
        case 7: return try_pinv_cgls<T>(seed, method - 6, found);
        case 8: return try_pinv_direct<T>(seed, 0, found);
        case 9:
        case 10:
        case 11:
        case 12: return try_range_finder<T>(seed, method - 9, found);
        case 19:
        case 20: return try_pinv_pcg<T>(seed, method - 19, found);
        default: return try_kernel_and_pinv<T>(seed, FactorMethod(method - 13), found);
      }
    };
    if (chance(seed, 91, 0.5))
      run(float());
    else
      run(double());
  }
  for (auto const& [method, count] : found.certified) {
    CAPTURE(method, count.first, count.second);
    // A method that certifies nothing would have no false certificates either.
    CHECK(4 * count.first > count.second);
  }
  CAPTURE(found.bases, found.loose_bases);
  CHECK(1000 * found.loose_bases <= found.bases);
  CHECK(found.wrong.size() == 0);
  for (std::size_t i = 0; i < found.wrong.size() && i < 40; ++i) FAIL_CHECK(found.wrong[i]);
}

}  // namespace

TEST_CASE("no certificate is false on five thousand draws") {
  look_for_false_certificates(5000);
}

TEST_CASE("no certificate is false on a hundred thousand draws", "[slow]") {
  look_for_false_certificates(100000);
}
