// SPDX-License-Identifier: Apache-2.0
// A sparse lower Hessian in compressed rows (CRS): its kernel, and H^+ b, without a dense matrix.
//
// H is the Laplacian of a graph of two rings with m points each. Its kernel is spanned by the indicators of
// the rings: how many parts a graph has is a dimension that kernel_basis finds. The eigenvectors are
// cosines along a ring, so H^+ b is known. Products are those of Kokkos Kernels where it is installed.
#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/pinv_cg.hpp>

#include <cmath>
#include <cstdio>
#if __has_include(<KokkosSparse_spmv.hpp>)
#include <KokkosSparse_CrsMatrix.hpp>
#include <KokkosSparse_spmv.hpp>
#define EXAMPLE_HAS_KOKKOS_KERNELS
#endif

using Space = Kokkos::DefaultExecutionSpace;
template <class T>
using Array = Kokkos::View<T*, Space>;

struct Crs {
  Array<int> row_start, column;
  Array<double> value;
  int rows() const { return int(row_start.extent(0)) - 1; }
};

#if defined(EXAMPLE_HAS_KOKKOS_KERNELS)

// One item; blocks (1, column, i), a product each.
struct SparseHessian {
  using scalar_type = double;
  using Matrix = KokkosSparse::CrsMatrix<double, int, Space, void, int>;
  Matrix matrix;

  explicit SparseHessian(Crs const& m)
      : matrix("H", m.rows(), m.rows(), int(m.value.extent(0)), m.value, m.row_start, m.column) {}
  int batch_size() const { return 1; }
  int dim() const { return int(matrix.numRows()); }
  template <class X, class Y>
    requires(X::rank() == 3)
  void apply(Space const& space, X const& x, Y const& y) const {
    for (int c = 0; c < int(x.extent(1)); ++c)
      KokkosSparse::spmv(space, "N", 1.0, matrix, Kokkos::subview(x, 0, c, Kokkos::ALL), 0.0,
                         Kokkos::subview(y, 0, c, Kokkos::ALL));
  }
};

#else

// One item; all columns of a block in one launch.
struct SparseHessian {
  using scalar_type = double;
  Crs matrix;

  int batch_size() const { return 1; }
  int dim() const { return matrix.rows(); }
  template <class X, class Y>
    requires(X::rank() == 3)
  void apply(Space const& space, X const& x, Y const& y) const {
    auto const m = matrix;
    int const n = dim();
    Kokkos::parallel_for(
        "my sparse product", Kokkos::RangePolicy<Space>(space, 0, long(x.extent(1)) * n),
        KOKKOS_LAMBDA(long t) {
          int const c = int(t / n), i = int(t % n);
          double sum = 0;
          for (int e = m.row_start(i); e < m.row_start(i + 1); ++e)
            sum += m.value(e) * x(0, c, m.column(e));
          y(0, c, i) = sum;
        });
  }
};

#endif

Crs two_rings(int m) {
  Crs const crs{Array<int>("row_start", 2 * m + 1), Array<int>("column", 6 * m),
                Array<double>("value", 6 * m)};
  Kokkos::parallel_for(
      "my graph", Kokkos::RangePolicy<Space>(0, 2 * m + 1), KOKKOS_LAMBDA(int i) {
        crs.row_start(i) = 3 * i;
        if (i == 2 * m) return;
        int const ring = i / m * m, j = i % m;
        int const neighbours[3] = {i, ring + (j + 1) % m, ring + (j + m - 1) % m};
        for (int e = 0; e < 3; ++e) {
          crs.column(3 * i + e) = neighbours[e];
          crs.value(3 * i + e) = e == 0 ? 2 : -1;
        }
      });
  Kokkos::fence("the graph is made");
  return crs;
}

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  Space const space;
  int const m = 400, n = 2 * m;
  double const w = 2 * std::acos(-1.0) * 5 / m;
  SparseHessian const h(two_rings(m));
  minfold::Basis<double, Space> const kernel{minfold::make_blocks<double>(space, "kernel", 1, 6, n),
                                             minfold::make_scalars<int>(space, "dimension", 1)};
  auto const kernels = minfold::make_scalars<minfold::KernelRecord<double>>(space, "kernels", 1);
  minfold::kernel_basis(space, h, kernel, kernels);

  auto const b = minfold::make_vectors<double>(space, "b", 1, n);
  auto const z = minfold::make_vectors<double>(space, "z", 1, n);
  auto const rhs = Kokkos::create_mirror_view(b);
  for (int i = 0; i < n; ++i)
    rhs(0, i) = i < m ? std::cos(w * i) + 1 : 7;  // 1 and 7: in the kernel
  Kokkos::deep_copy(space, b, rhs);
  auto const solves = minfold::make_scalars<minfold::SolveRecord<double>>(space, "solves", 1);
  minfold::pinv_cg(space, h, b, z, solves, {}, kernel);

  auto const found = minfold::to_host(space, kernels)(0);
  auto const solve = minfold::to_host(space, solves)(0);
  auto const x = minfold::to_host(space, z);
  // Relative. The residual is at most 1e-12, the condition within reach of it 25, n = 800 entries.
  double error = 0;
  for (int i = 0; i < n; ++i)
    error =
        std::max(error, std::abs(x(0, i) * (2 - 2 * std::cos(w)) - (i < m ? std::cos(w * i) : 0)));
  std::printf("the graph has %d parts (%s, gap %.1e); %s, error %.1e\n", found.dimension,
              to_string(found.outcome), found.gap, to_string(solve.outcome), error);
  return found.dimension == 2 && found.outcome == minfold::Outcome::converged &&
                 solve.outcome == minfold::Outcome::converged && error <= 1e-9
             ? 0
             : 1;
}
