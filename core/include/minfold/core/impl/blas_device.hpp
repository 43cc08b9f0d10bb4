// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_IMPL_BLAS_DEVICE_HPP
#define MINFOLD_CORE_IMPL_BLAS_DEVICE_HPP

#include <minfold/core/concepts.hpp>
#include <minfold/core/require.hpp>

#if defined(KOKKOS_ENABLE_CUDA)
#include <cublas_v2.h>

#include <map>
#include <memory>
#include <mutex>
#endif

namespace minfold::impl {

#if defined(KOKKOS_ENABLE_CUDA)
/// One cuBLAS handle a stream, made on first use and kept: making one costs milliseconds. Handles
/// are destroyed when Kokkos is finalized, while the device is still there.
inline cublasHandle_t cublas_handle(Kokkos::Cuda const& space) {
  static std::mutex guard;
  static std::map<cudaStream_t, cublasHandle_t> handles;
  std::lock_guard const lock(guard);
  if (handles.empty())
    Kokkos::push_finalize_hook([] {
      for (auto& [stream, handle] : handles) cublasDestroy(handle);
      handles.clear();
    });
  auto const found = handles.find(space.cuda_stream());
  if (found != handles.end()) return found->second;
  cublasHandle_t handle = nullptr;
  MINFOLD_REQUIRE(cublasCreate(&handle) == CUBLAS_STATUS_SUCCESS, "gemm: cuBLAS did not start");
  cublasSetStream(handle, space.cuda_stream());
  return handles[space.cuda_stream()] = handle;
}

/// Row-major C = op(A) op(B) is column-major C^T = op(B)^T op(A)^T: operands swap, flags stay.
inline void device_gemm_strided(Kokkos::Cuda const& space, bool ta, bool tb, int items, int m,
                                int n, int k, double alpha, double const* a, long stride_a, int lda,
                                double const* b, long stride_b, int ldb, double beta, double* c,
                                long stride_c, int ldc) {
  auto const status = cublasDgemmStridedBatched(
      cublas_handle(space), tb ? CUBLAS_OP_T : CUBLAS_OP_N, ta ? CUBLAS_OP_T : CUBLAS_OP_N, n, m, k,
      &alpha, b, ldb, stride_b, a, lda, stride_a, &beta, c, ldc, stride_c, items);
  MINFOLD_REQUIRE(status == CUBLAS_STATUS_SUCCESS, "gemm: cuBLAS refused with status ",
                  int(status));
}
inline void device_gemm_strided(Kokkos::Cuda const& space, bool ta, bool tb, int items, int m,
                                int n, int k, float alpha, float const* a, long stride_a, int lda,
                                float const* b, long stride_b, int ldb, float beta, float* c,
                                long stride_c, int ldc) {
  auto const status = cublasSgemmStridedBatched(
      cublas_handle(space), tb ? CUBLAS_OP_T : CUBLAS_OP_N, ta ? CUBLAS_OP_T : CUBLAS_OP_N, n, m, k,
      &alpha, b, ldb, stride_b, a, lda, stride_a, &beta, c, ldc, stride_c, items);
  MINFOLD_REQUIRE(status == CUBLAS_STATUS_SUCCESS, "gemm: cuBLAS refused with status ",
                  int(status));
}
#endif

/// Any other device: one entry of C a thread. Correct everywhere; a vendor library is faster.
template <ExecutionSpace E, class T>
void device_gemm_strided(E const& space, bool ta, bool tb, int items, int m, int n, int k, T alpha,
                         T const* a, long stride_a, int lda, T const* b, long stride_b, int ldb,
                         T beta, T* c, long stride_c, int ldc) {
  Kokkos::parallel_for(
      "minfold::gemm",
      Kokkos::RangePolicy<E, Kokkos::IndexType<long>>(space, 0, long(items) * m * n),
      KOKKOS_LAMBDA(long t) {
        int const j = int(t % n), i = int(t / n % m), item = int(t / n / m);
        T const* const x = a + item * stride_a;
        T const* const y = b + item * stride_b;
        T sum = 0;
        for (int l = 0; l < k; ++l)
          sum += (ta ? x[long(l) * lda + i] : x[long(i) * lda + l]) *
                 (tb ? y[long(j) * ldb + l] : y[long(l) * ldb + j]);
        T& out = c[item * stride_c + long(i) * ldc + j];
        out = alpha * sum + (beta == T(0) ? T(0) : beta * out);
      });
}

}  // namespace minfold::impl

#endif
