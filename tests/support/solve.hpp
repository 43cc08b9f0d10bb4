// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_SOLVE_HPP
#define MINFOLD_TESTS_SOLVE_HPP

#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/pinv_cg.hpp>
#include <minfold/kernels/pinv_cgls.hpp>
#include <minfold/kernels/pinv_direct.hpp>

#include "support/operators.hpp"
#include "support/planted.hpp"

/// The solvers with host vectors on both sides, one right-hand side an item.
namespace minfold::test {

template <class T>
struct Solved {
  std::vector<Vec> z, kernel_part;
  std::vector<SolveRecord<T>> records;
  std::vector<KernelRecord<T>> kernels;
};

namespace impl {
template <class V>
std::vector<Vec> rows(V const& view) {
  auto const host = on_host(view);
  std::vector<Vec> r;
  for (std::size_t item = 0; item < host.extent(0); ++item) r.push_back(row(host, int(item)));
  return r;
}
template <class V>
auto entries(V const& view) {
  auto const host = on_host(view);
  return std::vector<typename V::non_const_value_type>(host.data(), host.data() + host.size());
}
}  // namespace impl

template <class T>
Basis<T, Space> new_basis(int items, int capacity, int n) {
  return {Blocks<T, Space>("test::basis", items, capacity, n),
          Scalars<int, Space>("test::dimension", items)};
}

/// The planted kernels, rounded: a basis that is exact.
template <class T>
Basis<T, Space> planted_basis(std::vector<Planted> const& items) {
  int capacity = 1;
  for (auto const& p : items) capacity = std::max(capacity, p.k);
  auto const basis = new_basis<T>(int(items.size()), capacity, items[0].n);
  auto const v = Kokkos::create_mirror_view(basis.vectors);
  auto const d = Kokkos::create_mirror_view(basis.dimension);
  for (std::size_t item = 0; item < items.size(); ++item) {
    d(item) = items[item].k;
    for (int j = 0; j < items[item].k; ++j) {
      auto const q = items[item].vector(j);
      for (int i = 0; i < items[item].n; ++i) v(item, j, i) = T(q[i]);
    }
  }
  Kokkos::deep_copy(basis.vectors, v);
  Kokkos::deep_copy(basis.dimension, d);
  return basis;
}

template <class A, class T = typename A::scalar_type>
Solved<T> run_cg(A const& a, std::vector<Vec> const& b, PinvCgOptions<T> const& options = {},
                 Basis<T, Space> const& basis = {}) {
  auto const rhs = to_vectors<T>(b);
  Vectors<T, Space> const z("test::z", rhs.extent(0), rhs.extent(1));
  Scalars<SolveRecord<T>, Space> const records("test::records", rhs.extent(0));
  pinv_cg(Space(), a, rhs, z, records, options, basis);
  return {impl::rows(z), {}, impl::entries(records), {}};
}

template <class A, class T = typename A::scalar_type>
Solved<T> run_cgls(A const& a, std::vector<Vec> const& b, PinvCglsOptions<T> const& options = {}) {
  auto const rhs = to_vectors<T>(b);
  Vectors<T, Space> const z("test::z", rhs.extent(0), rhs.extent(1)),
      part("test::part", rhs.extent(0), rhs.extent(1));
  Scalars<SolveRecord<T>, Space> const records("test::records", rhs.extent(0));
  pinv_cgls(Space(), a, rhs, z, part, records, options);
  return {impl::rows(z), impl::rows(part), impl::entries(records), {}};
}

template <class A, class T = typename A::scalar_type>
Solved<T> run_direct(A const& a, std::vector<Vec> const& b,
                     PinvDirectOptions<T> const& options = {}) {
  auto const rhs = to_vectors<T>(b);
  Vectors<T, Space> const z("test::z", rhs.extent(0), rhs.extent(1));
  Scalars<SolveRecord<T>, Space> const records("test::records", rhs.extent(0));
  Scalars<KernelRecord<T>, Space> const kernels("test::kernels", rhs.extent(0));
  pinv_direct(Space(), a, rhs, z, records, kernels, options);
  return {impl::rows(z), {}, impl::entries(records), impl::entries(kernels)};
}

template <class T>
struct Kernels {
  Basis<T, Space> basis;
  std::vector<KernelRecord<T>> records;
};

template <class A, class T = typename A::scalar_type>
Kernels<T> run_kernel_basis(A const& a, int capacity, KernelBasisOptions<T> const& options = {}) {
  auto const basis = new_basis<T>(a.batch_size(), capacity, a.dim());
  Scalars<KernelRecord<T>, Space> const records("test::records", a.batch_size());
  kernel_basis(Space(), a, basis, records, options);
  return {basis, impl::entries(records)};
}

/// max_j ||A q_j|| and max |Q^T Q - I|, in long double, of the first `count` vectors.
struct BasisErrors {
  double residual = 0, orthogonality = 0;
};
template <class Host>
BasisErrors basis_errors(Planted const& p, Host const& vectors, int item, int count) {
  BasisErrors e;
  std::vector<Vec> q;
  for (int j = 0; j < count; ++j) q.push_back(row(vectors, item, j));
  for (int j = 0; j < count; ++j) {
    e.residual = std::max(e.residual, norm(p.multiply(q[j])));
    for (int l = 0; l <= j; ++l) {
      long double sum = l == j ? -1 : 0;
      for (int i = 0; i < p.n; ++i) sum += (long double)(q[j][i]) * q[l][i];
      e.orthogonality = std::max(e.orthogonality, double(std::abs(sum)));
    }
  }
  return e;
}

inline DenseOperator<Blocks<double, Space>> dense(std::vector<Planted> const& items) {
  return DenseOperator<Blocks<double, Space>>(to_matrices(matrices_of(items), items[0].n));
}

}  // namespace minfold::test

#endif
