// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_BLAS_HPP
#define MINFOLD_CORE_BLAS_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/impl/blas_device.hpp>
#include <minfold/core/team.hpp>

#include <cblas.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

/// Matrix products on row-major Views: CBLAS on hosts, cuBLAS on NVIDIA devices, a team kernel
/// elsewhere.
namespace minfold {

enum class Transpose : bool { no = false, yes = true };

namespace impl {

inline void host_gemm(Transpose ta, Transpose tb, int m, int n, int k, double alpha,
                      double const* a, int lda, double const* b, int ldb, double beta, double* c,
                      int ldc) {
  cblas_dgemm(CblasRowMajor, bool(ta) ? CblasTrans : CblasNoTrans,
              bool(tb) ? CblasTrans : CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
inline void host_gemm(Transpose ta, Transpose tb, int m, int n, int k, float alpha, float const* a,
                      int lda, float const* b, int ldb, float beta, float* c, int ldc) {
  cblas_sgemm(CblasRowMajor, bool(ta) ? CblasTrans : CblasNoTrans,
              bool(tb) ? CblasTrans : CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

/// While it lives, BLAS and LAPACK that thread by OpenMP use one thread in this task. They do so by
/// themselves in a team of several threads, but not in a team of one, whose results would then
/// differ.
class SequentialBlas {
 public:
#if defined(_OPENMP)
  SequentialBlas() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~SequentialBlas() { omp_set_num_threads(before_); }

 private:
  int before_;

 public:
#else
  SequentialBlas() {}
#endif
  SequentialBlas(SequentialBlas const&) = delete;
  SequentialBlas& operator=(SequentialBlas const&) = delete;
};

/// Rows of C that one host task computes. Fixed, so that the split, and with it every rounding,
/// does not depend on the number of threads.
inline constexpr int gemm_panel = 64;

/// C_i := alpha op(A_i) op(B_i) + beta C_i, strides between items in elements, 0 shares an operand.
template <ExecutionSpace E, class T>
void gemm_strided(E const& space, Transpose ta, Transpose tb, int items, int m, int n, int k,
                  T alpha, T const* a, long stride_a, int lda, T const* b, long stride_b, int ldb,
                  T beta, T* c, long stride_c, int ldc) {
  if (items == 0 || m == 0 || n == 0) return;
  if constexpr (runs_on_host<E>) {
    int const panels = (m + gemm_panel - 1) / gemm_panel;
    Kokkos::parallel_for(
        "minfold::gemm",
        Kokkos::RangePolicy<E, Kokkos::Schedule<Kokkos::Dynamic>>(space, 0, items * panels)
            .set_chunk_size(1),
        [=](int task) {
          SequentialBlas const sequential;
          int const item = task / panels, row = (task % panels) * gemm_panel;
          int const rows = m - row < gemm_panel ? m - row : gemm_panel;
          T const* const a_panel = a + item * stride_a + (bool(ta) ? long(row) : long(row) * lda);
          host_gemm(ta, tb, rows, n, k, alpha, a_panel, lda, b + item * stride_b, ldb, beta,
                    c + item * stride_c + long(row) * ldc, ldc);
        });
  } else {
    device_gemm_strided(space, bool(ta), bool(tb), items, m, n, k, alpha, a, stride_a, lda, b,
                        stride_b, ldb, beta, c, stride_c, ldc);
  }
}

}  // namespace impl

/// C := alpha op(A) op(B) + beta C. Rank-2 LayoutRight views. Asynchronous on devices.
template <ExecutionSpace E, class A, class B, class C>
void gemm(E const& space, Transpose ta, Transpose tb, typename C::value_type alpha, A const& a,
          B const& b, typename C::value_type beta, C const& c) {
  using T = typename C::value_type;
  int const m = int(c.extent(0)), n = int(c.extent(1));
  int const k = int(bool(ta) ? a.extent(0) : a.extent(1));
  MINFOLD_REQUIRE(int(bool(ta) ? a.extent(1) : a.extent(0)) == m &&
                      int(bool(tb) ? b.extent(0) : b.extent(1)) == n &&
                      int(bool(tb) ? b.extent(1) : b.extent(0)) == k,
                  "gemm: shapes do not fit: C is ", m, " x ", n, ", A is ", a.extent(0), " x ",
                  a.extent(1), ", B is ", b.extent(0), " x ", b.extent(1));
  impl::gemm_strided<E, T>(space, ta, tb, 1, m, n, k, alpha, a.data(), 0, int(a.stride(0)),
                           b.data(), 0, int(b.stride(0)), beta, c.data(), 0, int(c.stride(0)));
}

/// C_i := alpha op(A_i) op(B_i) + beta C_i for every item. Rank-3 LayoutRight views (item, row, column).
template <ExecutionSpace E, class A, class B, class C>
void batched_gemm(E const& space, Transpose ta, Transpose tb, typename C::value_type alpha,
                  A const& a, B const& b, typename C::value_type beta, C const& c) {
  using T = typename C::value_type;
  int const items = int(c.extent(0)), m = int(c.extent(1)), n = int(c.extent(2));
  int const k = int(bool(ta) ? a.extent(1) : a.extent(2));
  MINFOLD_REQUIRE(int(a.extent(0)) == items && int(b.extent(0)) == items &&
                      int(bool(ta) ? a.extent(2) : a.extent(1)) == m &&
                      int(bool(tb) ? b.extent(1) : b.extent(2)) == n &&
                      int(bool(tb) ? b.extent(2) : b.extent(1)) == k,
                  "batched_gemm: shapes do not fit: C is ", m, " x ", n, ", A is ", a.extent(1),
                  " x ", a.extent(2), ", B is ", b.extent(1), " x ", b.extent(2));
  impl::gemm_strided<E, T>(space, ta, tb, items, m, n, k, alpha, a.data(), long(a.stride(0)),
                           int(a.stride(1)), b.data(), long(b.stride(0)), int(b.stride(1)), beta,
                           c.data(), long(c.stride(0)), int(c.stride(1)));
}

}  // namespace minfold

#endif
