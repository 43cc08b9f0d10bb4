// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/pinv_direct.hpp>
#include <minfold/kernels/pinv_pcg.hpp>

#include "property.hpp"

namespace minfold::test {

namespace {

/// Every z and its record.
template <class T>
void check_all(Findings& found, std::string const& name, Batch<T> const& batch, bool with_basis,
               Blocks<T, Space> const& z, Scalars<SolveRecord<T>, Space> const& records,
               double tolerance) {
  auto const zs = on_host(z), bs = on_host(batch.rhs);
  auto const rs = on_host(records);
  for (int item = 0; item < batch.count(); ++item)
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
                       r, tolerance);
    }
}

}  // namespace

template <class T>
void try_pinv_cg(std::uint64_t seed, int which, Findings& found) {
  Batch<T> batch(seed);
  bool const with_basis = chance(seed, 6, 0.5);
  batch.draw_rhs(with_basis);
  char const* const names[] = {"pinv_cg fused", "pinv_cg bulk", "pinv_cg by halves",
                               "pinv_cg packed", "pinv_cg by team"};
  constexpr Path paths[] = {Path::fused, Path::bulk, Path::halves, Path::packed};
  bool const by_team = which == 4;
  std::string const name = std::string(names[which]) + (with_basis ? " with basis" : "");
  auto const z = batch.block();
  auto const records = batch.solve_records();
  Basis<T, Space> const basis = with_basis ? batch.planted() : Basis<T, Space>{};
  PinvCgOptions<T> options;
  if (!by_team) options.path = paths[which];
  if (!by_team)
    pinv_cg(Space(), DenseOperator(batch.matrices), batch.rhs, z, records, options, basis);
  else
    pinv_cg(Space(), ByTeam<T>{batch.matrices}, batch.rhs, z, records, options, basis);
  check_all(found, name, batch, with_basis, z, records, options.relative_tolerance);
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
  for (int item = 0; item < batch.count(); ++item) {
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
  check_all(found, name, batch, with_basis, z, records, options.relative_tolerance);
}

template <class T>
void try_pinv_direct(std::uint64_t seed, int, Findings& found) {
  Batch<T> batch(seed);
  batch.draw_rhs(true);
  char const* const name = "pinv_direct";
  auto const z = batch.block();
  auto const records = batch.solve_records();
  Scalars<KernelRecord<T>, Space> const kernels("test::kernels", batch.count());
  PinvDirectOptions<T> const options{.kernel_tolerance = batch.kernel_tolerance};
  if (chance(seed, 7, 0.5))
    pinv_direct(Space(), DenseOperator(batch.matrices), batch.rhs, z, records, kernels, options);
  else
    pinv_direct(Space(), InBulk<T>{batch.matrices}, batch.rhs, z, records, kernels, options);
  auto const zs = on_host(z), bs = on_host(batch.rhs);
  auto const rs = on_host(records);
  auto const ks = on_host(kernels);
  for (int item = 0; item < batch.count(); ++item) {
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

template void try_pinv_cg<float>(std::uint64_t, int, Findings&);
template void try_pinv_cg<double>(std::uint64_t, int, Findings&);
template void try_pinv_pcg<float>(std::uint64_t, int, Findings&);
template void try_pinv_pcg<double>(std::uint64_t, int, Findings&);
template void try_pinv_direct<float>(std::uint64_t, int, Findings&);
template void try_pinv_direct<double>(std::uint64_t, int, Findings&);

}  // namespace minfold::test
