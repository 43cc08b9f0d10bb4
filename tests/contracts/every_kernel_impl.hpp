// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_EVERY_KERNEL_IMPL_HPP
#define MINFOLD_TESTS_EVERY_KERNEL_IMPL_HPP

#include <minfold/core/gauss_newton_operator.hpp>
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/pinv_pcg.hpp>
#include <minfold/kernels/range_finder.hpp>
#include <minfold/kernels/tangent_space.hpp>

#include "every_kernel.hpp"

#include <type_traits>

namespace minfold::test {

/// Arrays of other layouts, which kernels that need the house layout copy.
template <class T>
void run_on_copies(Space const& space, WorkOf<T> const& work, Basis<T, Space> const& basis,
                   Scalars<SolveRecord<T>, Space> const& solves,
                   Scalars<KernelRecord<T>, Space> const& kernels, Fingerprint& print) {
  int const items = work.items, n = work.n;
  Blocks<T, Space> const pair("test::pair", items, n, 2);
  auto const b = Kokkos::subview(pair, Kokkos::ALL, Kokkos::ALL, 0),
             z = Kokkos::subview(pair, Kokkos::ALL, Kokkos::ALL, 1);
  Kokkos::View<T***, Kokkos::LayoutLeft, Space> const left("test::left", items, n, n);
  Kokkos::deep_copy(space, b, work.b);
  Kokkos::deep_copy(space, left, work.matrices);
  DenseOperator const a(left);
  kernel_and_pinv(space, a, b, z, basis, solves, kernels);
  print.add("kernel_and_pinv of copies", pair);
  print.add("kernel_and_pinv of copies", basis.vectors);
  pinv_direct(space, a, b, z, solves, kernels);
  print.add("pinv_direct of copies", pair);
}

template <class T>
void run_every(Space const& space, WorkOf<T> const& work, Fingerprint& print) {
  int const items = work.items, n = work.n;
  DenseOperator const a(work.matrices);
  InBulk<T> const bulk{work.matrices};
  ByTeam<T> const team{work.matrices};
  auto const vectors = [&] { return Vectors<T, Space>("test::v", items, n); };
  Scalars<SolveRecord<T>, Space> const solves("test::solves", items);
  Scalars<KernelRecord<T>, Space> const kernels("test::kernels", items);
  auto const z = vectors(), part = vectors();
  constexpr bool host = minfold::impl::runs_on_host<Space>;
  std::vector<Path> paths{Path::automatic, Path::fused, Path::bulk};
  if (host) paths.insert(paths.end(), {Path::halves, Path::packed});
  for (Path const path : paths) {
    std::string const name = " " + std::to_string(int(path));
    pinv_cg(space, a, work.b, z, solves, {.path = path});
    print.add("pinv_cg" + name, z);
    print.add("pinv_cg" + name, solves);
    pinv_cgls(space, a, work.b, z, part, solves, {.max_iterations = 300, .path = path});
    print.add("pinv_cgls" + name, z);
    print.add("pinv_cgls" + name, part);
  }
  pinv_direct(space, a, work.b, z, solves, kernels);
  print.add("pinv_direct", z);
  print.add("pinv_direct", kernels);
  auto const basis = new_basis<T>(items, n, n);
  std::vector<FactorMethod> methods{FactorMethod::automatic, FactorMethod::team,
                                    FactorMethod::spectral};
  if (host)
    methods.insert(methods.end(), {FactorMethod::packed, FactorMethod::blocked,
                                   FactorMethod::pivoted, FactorMethod::mixed});
  for (auto const method : methods) {
    std::string const name = "kernel_and_pinv " + std::to_string(int(method));
    kernel_and_pinv(space, a, work.b, z, basis, solves, kernels, {.method = method});
    print.add(name, z);
    print.add(name, basis.vectors);
    print.add(name, solves);
    print.add(name, kernels);
  }
  for (auto const method : {KernelMethod::direct, KernelMethod::randomized}) {
    std::string const name = method == KernelMethod::direct ? " direct" : " randomized";
    kernel_basis(space, bulk, basis, kernels, {.method = method});
    print.add("kernel_basis" + name, basis.vectors);
    print.add("kernel_basis" + name, kernels);
  }
  // The nonzero eigenvalues are in [0.01, 1].
  for (auto const filter : {KernelFilter::projection, KernelFilter::chebyshev}) {
    std::string const name = "kernel_basis filter " + std::to_string(int(filter));
    kernel_basis(space, bulk, basis, kernels,
                 {.method = KernelMethod::randomized,
                  .filter = filter,
                  .smallest_nonzero = T(0.009),
                  .largest = T(1.1)});
    print.add(name, basis.vectors);
    print.add(name, kernels);
  }
  kernel_basis(space, team, basis, kernels, {.method = KernelMethod::randomized});
  print.add("kernel_basis by team", basis.vectors);
  pinv_cg(space, team, work.b, z, solves, {}, basis);
  print.add("pinv_cg with basis", z);
  // Sketches that grow, and one of a given width.
  for (int const rank : {0, 6})
    for (bool const dense : {true, false}) {
      std::string const name = (dense ? " dense " : " in bulk ") + std::to_string(rank);
      auto const precondition = [&](auto const& h) {
        auto const u =
            nystrom(space, h, NystromOptions<T>{.rank = rank, .columns = 64, .smallest = T(1e-2)});
        print.add("nystrom" + name, u.basis.vectors);
        print.add("nystrom" + name, u.values);
        print.add("nystrom" + name, u.records);
        pinv_pcg(space, h, u, work.b, z, solves, {.max_iterations = 300}, basis);
        print.add("pinv_pcg" + name, z);
        print.add("pinv_pcg" + name, solves);
      };
      if (dense)
        precondition(a);
      else
        precondition(bulk);
    }
  Scalars<RangeRecord<T>, Space> const ranges("test::ranges", items);
  Vectors<T, Space> const values("test::values", items, n);
  for (int rank : {0, 5}) {
    range_finder(space, bulk, basis, values, ranges, {.rank = rank});
    print.add("range_finder", basis.vectors);
    print.add("range_finder", ranges);
    range_finder(space, a, basis, values, ranges, {.rank = rank, .semidefinite = true});
    print.add("range_finder of a semidefinite matrix", basis.vectors);
    print.add("range_finder of a semidefinite matrix", values);
    print.add("range_finder of a semidefinite matrix", ranges);
  }
  Blocks<T, Space> const copy("test::copy", items, n, n);
  Scalars<EigenRecord<T>, Space> const eigen("test::eigen", items);
  for (auto const method : {EigenMethod::jacobi, EigenMethod::lapack}) {
    if (method == EigenMethod::jacobi && n > 80) continue;
    Kokkos::deep_copy(space, copy, work.matrices);
    symmetric_eigen(space, copy, z, eigen, {.method = method});
    print.add("symmetric_eigen", copy);
    print.add("symmetric_eigen", z);
    print.add("symmetric_eigen", eigen);
  }
  Kokkos::deep_copy(space, copy, work.matrices);
  Scalars<OrthonormalizeRecord<T>, Space> const orthonormal("test::orthonormal", items);
  orthonormalize(space, copy, orthonormal);
  print.add("orthonormalize", copy);
  print.add("orthonormalize", orthonormal);
  for (auto const representation :
       {Representation::automatic, Representation::spectral, Representation::kernel_basis,
        Representation::range_basis, Representation::implicit}) {
    auto const t = tangent_space(space, bulk, {.representation = representation});
    print.add("tangent_space", t.records);
    Blocks<T, Space> const zb("test::z", items, 1, n), kb("test::k", items, 1, n);
    Kokkos::View<T const***, Kokkos::LayoutRight, typename Space::memory_space> const rhs(
        work.b.data(), items, 1, n);
    tangent_solve(space, bulk, t, Blocks<T const, Space>(rhs), zb, kb, solves);
    print.add("tangent_solve", zb);
    print.add("tangent_solve", kb);
    print.add("tangent_solve", solves);
  }
  GaussNewtonOperator const gauss_newton(work.jacobian);
  pinv_cgls(space, gauss_newton, work.b, z, part, solves, {.max_iterations = 100});
  print.add("pinv_cgls of Gauss-Newton", z);
  print.add("pinv_cgls of Gauss-Newton", solves);
  kernel_basis(space, gauss_newton, basis, kernels, {.method = KernelMethod::direct});
  print.add("kernel_basis of Gauss-Newton", kernels);
  run_on_copies(space, work, basis, solves, kernels, print);
  auto const summary = summarize(space, solves);
  static_cast<void>(summary);
}

/// `mixed` has a factor in float from n = 336 on, where `packed` has ended and `automatic` is blocked.
template <class T>
void run_large(Space const& space, WorkOf<T> const& work, Fingerprint& print) {
  int const items = work.items, n = work.n;
  DenseOperator const a(work.matrices);
  Vectors<T, Space> const z("test::z", items, n);
  Scalars<SolveRecord<T>, Space> const solves("test::solves", items);
  Scalars<KernelRecord<T>, Space> const kernels("test::kernels", items);
  auto const basis = new_basis<T>(items, 8, n);
  std::vector<FactorMethod> methods{FactorMethod::automatic};
  if (minfold::impl::runs_on_host<Space>)
    methods.insert(methods.end(),
                   {FactorMethod::blocked, FactorMethod::pivoted, FactorMethod::mixed});
  for (auto const method : methods) {
    std::string const name = "large kernel_and_pinv " + std::to_string(int(method));
    kernel_and_pinv(space, a, work.b, z, basis, solves, kernels, {.method = method});
    print.add(name, z);
    print.add(name, basis.vectors);
    print.add(name, solves);
    print.add(name, kernels);
  }
  for (Path const path : {Path::automatic, Path::bulk}) {
    std::string const name = "large pinv_cg " + std::to_string(int(path));
    pinv_cg(space, a, work.b, z, solves, {.path = path});
    print.add(name, z);
    print.add(name, solves);
  }
}

}  // namespace minfold::test

#endif
