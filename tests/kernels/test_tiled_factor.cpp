// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/kernel_and_pinv.hpp>

#include "support/solve.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <limits>

using namespace minfold;
using namespace minfold::test;

using minfold::impl::BlasAlgebra;
using minfold::impl::SequentialBlas;
using minfold::impl::TiledAlgebra;

namespace {

template <class T>
std::vector<T> random_columns(int n, int count) {
  std::vector<T> x;
  for (int c = 0; c < count; ++c)
    for (double e : normals(11, c, n)) x.push_back(T(e));
  return x;
}

/// The largest difference of an entry, a NaN if there is one.
template <class T>
double distance(std::vector<T> const& x, std::vector<T> const& y) {
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const d = std::abs(double(x[i]) - double(y[i]));
    if (!(d <= most)) most = d;
  }
  return most;
}

/// Row by row, the lower half; above, what must not be read. Eigenvalues near n.
template <class T>
std::vector<T> dominant(int n) {
  std::vector<T> a(std::size_t(n) * n, std::numeric_limits<T>::quiet_NaN());
  for (int i = 0; i < n; ++i) {
    auto const x = normals(7, i, i + 1);
    for (int j = 0; j <= i; ++j) a[std::size_t(i) * n + j] = T(0.3 * x[j] + (i == j ? n : 0));
  }
  return a;
}

template <class T>
std::vector<T> plain_product(int n, std::vector<T> const& a, double scale,
                             std::vector<T> const& x) {
  std::vector<T> y;
  for (std::size_t first = 0; first < x.size(); first += n)
    for (int i = 0; i < n; ++i) {
      double sum = 0;
      for (int j = 0; j < n; ++j)
        sum += double(a[std::size_t(std::max(i, j)) * n + std::min(i, j)]) * double(x[first + j]);
      y.push_back(T(scale * sum));
    }
  return y;
}

/// Orders around a tile and around a block, widths on both sides of where BLAS takes over.
template <class Algebra, class T>
void check_algebra() {
  SequentialBlas const sequential;
  for (int n : {1, 7, 16, 17, 255, 256, 257, 300, 531}) {
    auto const a = dominant<T>(n);
    Kokkos::View<T*, Kokkos::HostSpace> const work("test::work", Algebra::size(n));
    Algebra algebra(n, work.data());
    double const scale = 0.25;
    algebra.load(a.data(), T(scale));
    std::vector<T> pivots(n);
    REQUIRE(algebra.factor(T(0), T(0), pivots.data()));
    for (int columns : {1, 4, 9, 17, 40}) {
      INFO("n " << n << ", columns " << columns);
      auto const x = random_columns<T>(n, columns);
      auto y = x;
      algebra.multiply(columns, x.data(), y.data());
      double const eps = std::sqrt(n) * double(epsilon<T>);
      CHECK(distance(y, plain_product(n, a, scale, x)) <= 16 * eps * n);
      algebra.solve_lower(columns, y.data());
      algebra.solve_upper(columns, y.data());
      CHECK(distance(x, y) <= 64 * eps);
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("both algebras of large orders solve and multiply with the lower half", "",
                   double, float) {
  check_algebra<TiledAlgebra<TestType>, TestType>();
  check_algebra<BlasAlgebra<TestType>, TestType>();
}

TEST_CASE("tiles and LAPACK find the same pivots, and the first that is not positive") {
  SequentialBlas const sequential;
  for (int n : {5, 100, 300}) {
    auto a = dominant<double>(n);
    std::vector<double> tiled(n), lapack(n);
    Kokkos::View<double*, Kokkos::HostSpace> const work("test::work",
                                                        TiledAlgebra<double>::size(n));
    auto const both = [&](double shift) {
      TiledAlgebra<double> first(n, work.data());
      first.load(a.data(), 1);
      bool const sound = first.factor(shift, 1e-10, tiled.data());
      BlasAlgebra<double> second(n, work.data());
      second.load(a.data(), 1);
      CHECK(second.factor(shift, 1e-10, lapack.data()) == sound);
      return sound;
    };
    REQUIRE(both(0.5));
    for (int i = 0; i < n; ++i) CHECK(std::abs(tiled[i] - lapack[i]) <= 1e-13 * n * lapack[i]);
    a[std::size_t(n) * n - 1] = -1;
    CHECK(!both(0.5));
    a[std::size_t(n) * n - 1] = std::numeric_limits<double>::quiet_NaN();
    CHECK(!both(0.5));
  }
}

TEST_CASE("one factorization of several blocks gives narrow and wide kernels") {
  constexpr int n = 300;
  for (int k : {0, 4, 40}) {
    INFO("k " << k);
    auto const p = planted(std::uint64_t(2000 + k), n, k, 1e3);
    auto const b = p.range_part(normals(5, k, n));
    auto const rhs = to_vectors<double>({b});
    Vectors<double, Space> const z("test::z", 1, n);
    Scalars<SolveRecord<double>, Space> const records("test::records", 1);
    Scalars<KernelRecord<double>, Space> const kernels("test::kernels", 1);
    auto const basis = new_basis<double>(1, n, n);
    kernel_and_pinv(Space(), DenseOperator(to_matrices<double>(matrices_of({p}), n)), rhs, z, basis,
                    records, kernels, {.method = FactorMethod::blocked});
    auto const kernel = test::impl::entries(kernels)[0];
    CHECK(kernel.outcome == Outcome::converged);
    REQUIRE(kernel.dimension == k);
    CHECK(kernel.kernel_residual <= 16 * std::sqrt(n) * epsilon<double>);
    CHECK(basis_errors(p, on_host(basis.vectors), 0, k).orthogonality <= 16 * epsilon<double>);
    CHECK(test::impl::entries(records)[0].outcome == Outcome::converged);
    auto const exact = p.pseudo_inverse(b);
    CHECK(norm(minus(test::impl::rows(z)[0], exact)) <=
          20 * epsilon<double> * p.condition() * norm(exact));
  }
}
