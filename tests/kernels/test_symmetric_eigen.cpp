// SPDX-License-Identifier: Apache-2.0
// Orthogonality of eigenvectors, where divide and conquer gives it up.
#include <minfold/kernels/symmetric_eigen.hpp>

#include "support/certificates.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace minfold;
using namespace minfold::test;

namespace {

/// max |V^T V - I| of n columns.
template <class T>
double defect(std::vector<T> const& v, int n) {
  double worst = 0;
  for (int j = 0; j < n; ++j)
    for (int l = 0; l <= j; ++l) {
      long double sum = 0;
      for (int i = 0; i < n; ++i)
        sum += (long double)(v[std::size_t(j * n + i)]) * v[std::size_t(l * n + i)];
      worst = std::max(worst, double(std::abs(sum - (l == j))));
    }
  return worst;
}

}  // namespace

TEMPLATE_TEST_CASE("eigenvectors that overlap are made orthogonal, and only these", "", double,
                   float) {
  using T = TestType;
  int const n = 40;
  // A reflection: orthonormal columns without zeros.
  auto u = normals(3, 0, n);
  u = times(1 / norm(u), u);
  std::vector<T> exact(n * n), v, gram(n * n);
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < n; ++i) exact[std::size_t(j * n + i)] = T((i == j) - 2 * u[i] * u[j]);
  v = exact;
  CHECK(minfold::impl::restore_orthogonality(n, v.data(), gram.data()));
  CHECK(v == exact);
  T const overlap = std::is_same_v<T, float> ? T(1e-3) : T(1e-8);
  auto const add = [&](int from, int to) {
    for (int i = 0; i < n; ++i)
      v[std::size_t(to * n + i)] += overlap * v[std::size_t(from * n + i)];
  };
  add(2, 5);
  add(5, 9);
  add(30, 9);
  REQUIRE(defect(v, n) > 0.9 * overlap);
  CHECK(minfold::impl::restore_orthogonality(n, v.data(), gram.data()));
  CHECK(defect(v, n) <= 32 * double(epsilon<T>));
  // 30 comes after 9, so 30 is the one that moves.
  for (int j : {0, 1, 2, 3, 4, 6, 7, 8, 10, 29, 31, 39})
    CHECK(std::equal(v.begin() + j * n, v.begin() + (j + 1) * n, exact.begin() + j * n));
  std::copy_n(v.begin() + n, n, v.begin());
  CHECK_FALSE(minfold::impl::restore_orthogonality(n, v.data(), gram.data()));
}

TEST_CASE("a kernel whose noise LAPACK does not separate has orthonormal eigenvectors") {
  // xSYEVD of OpenBLAS 0.3.29 left 7e-11 here.
  Batch<double> const batch(0,
                            {.least_order = 345, .most_order = 370, .most_kernel = 16, .items = 3});
  int const n = batch.n, items = batch.count();
  Blocks<double, Space> const a("test::a", items, n, n);
  Kokkos::deep_copy(a, batch.matrices);
  Vectors<double, Space> const w("test::w", items, n);
  Scalars<EigenRecord<double>, Space> const records("test::records", items);
  symmetric_eigen(Space(), a, w, records, {.method = EigenMethod::automatic});
  auto const vectors = on_host(a);
  auto const rs = on_host(records);
  for (int item = 0; item < items; ++item) {
    CAPTURE(batch.items[item].draw.text());
    std::vector<double> v;
    for (int j = 0; j < n; ++j)
      for (int i = 0; i < n; ++i) v.push_back(vectors(item, j, i));
    CHECK(rs(item).outcome == Outcome::converged);
    CHECK(rs(item).residual <= 1e-13);
    CHECK(defect(v, n) <= 1e-13);
  }
}
