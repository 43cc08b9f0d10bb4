// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/kernel_basis.hpp>

#include "property.hpp"

namespace minfold::test {
namespace {

/// Bounds of the spectra of the whole batch, or wrong ones.
template <class T>
void set_bounds(Batch<T> const& batch, KernelBasisOptions<T>& options) {
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (auto const& t : batch.items) {
    least = std::min(least, t.magnitude(t.draw.k));
    most = std::max(most, t.norm);
  }
  if (!(most > 0)) most = 1;
  if (!(least < most)) least = 0.5 * most;
  if (chance(batch.seed, 20, 0.3)) least *= log_uniform(batch.seed, 21, -2, 2);
  if (chance(batch.seed, 22, 0.3)) most *= log_uniform(batch.seed, 23, -1, 1);
  options.filter = KernelFilter::chebyshev;
  options.smallest_nonzero = T(std::min(least, 0.9 * most));
  options.largest = T(most);
}

}  // namespace

template <class T>
void try_kernel_basis(std::uint64_t seed, int which, Findings& found) {
  bool const filtered = which == 3;
  Batch<T> const batch(seed, {.scale = filtered});
  char const* const names[] = {"kernel_basis direct", "kernel_basis by blocks",
                               "kernel_basis by team", "kernel_basis filtered"};
  KernelBasisOptions<T> options{.kernel_tolerance = batch.kernel_tolerance, .seed = seed};
  int const capacity = chance(seed, 4, 0.7) ? batch.n : pick(seed, 5, 1, batch.n);
  if (filtered) set_bounds(batch, options);
  Kernels<T> result;
  options.method = which == 0 ? KernelMethod::direct : KernelMethod::randomized;
  if (which == 0)
    result = run_kernel_basis(DenseOperator(batch.matrices), capacity, options);
  else if (which == 1 || filtered)
    result = run_kernel_basis(InBulk<T>{batch.matrices}, capacity, options);
  else
    result = run_kernel_basis(ByTeam<T>{batch.matrices}, capacity, options);
  auto const vectors = on_host(result.basis.vectors);
  auto const dimension = on_host(result.basis.dimension);
  for (int item = 0; item < batch.count(); ++item) {
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

namespace {

template <class T>
void check_kernel_and_pinv(Batch<T>& batch, FactorMethod method, std::string const& name,
                           Findings& found) {
  std::uint64_t const seed = batch.seed;
  batch.draw_rhs(true);
  int const n = batch.n,
            capacity = chance(seed, 4, 0.7) ? std::min(n, 64) : pick(seed, 5, 1, std::min(n, 64));
  auto const basis = new_basis<T>(batch.count(), capacity, n);
  auto const z = batch.block();
  auto const records = batch.solve_records();
  Scalars<KernelRecord<T>, Space> const kernels("test::kernels", batch.count());
  KernelAndPinvOptions<T> const options{
      .method = method, .kernel_tolerance = batch.kernel_tolerance, .seed = seed};
  kernel_and_pinv(Space(), DenseOperator(batch.matrices), batch.rhs, z, basis, records, kernels,
                  options);
  auto const zs = on_host(z), bs = on_host(batch.rhs), vectors = on_host(basis.vectors);
  auto const dimension = on_host(basis.dimension);
  auto const rs = on_host(records);
  auto const ks = on_host(kernels);
  for (int item = 0; item < batch.count(); ++item) {
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

}  // namespace

template <class T>
void try_kernel_and_pinv(std::uint64_t seed, int which, Findings& found) {
  Batch<T> batch(seed);
  check_kernel_and_pinv(batch, FactorMethod(which), "kernel_and_pinv " + std::to_string(which),
                        found);
}

template <class T>
void try_large_mixed(std::uint64_t seed, int which, Findings& found) {
  // Below this order the factor in float is not tried.
  Batch<T> batch(seed, {.least_order = 345, .most_order = 370, .most_kernel = 16, .items = 5});
  check_kernel_and_pinv(batch, FactorMethod(which), "kernel_and_pinv mixed, large", found);
}

template void try_kernel_basis<float>(std::uint64_t, int, Findings&);
template void try_kernel_basis<double>(std::uint64_t, int, Findings&);
template void try_kernel_and_pinv<float>(std::uint64_t, int, Findings&);
template void try_kernel_and_pinv<double>(std::uint64_t, int, Findings&);
template void try_large_mixed<float>(std::uint64_t, int, Findings&);
template void try_large_mixed<double>(std::uint64_t, int, Findings&);

}  // namespace minfold::test
