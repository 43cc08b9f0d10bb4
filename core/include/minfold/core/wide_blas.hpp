// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_WIDE_BLAS_HPP
#define MINFOLD_CORE_WIDE_BLAS_HPP

#include <minfold/core/blas.hpp>
#include <minfold/core/impl/tuning.hpp>

#include <algorithm>

/// Products with blocks of few long vectors. `gemm` splits the rows of its result among the threads,
/// of which such blocks have too few; here the long side is split.
namespace minfold {

namespace impl {

inline void host_gemv(Transpose t, int m, int n, double alpha, double const* a, int lda,
                      double const* x, double beta, double* y) {
  cblas_dgemv(CblasRowMajor, bool(t) ? CblasTrans : CblasNoTrans, m, n, alpha, a, lda, x, 1, beta,
              y, 1);
}
inline void host_gemv(Transpose t, int m, int n, float alpha, float const* a, int lda,
                      float const* x, float beta, float* y) {
  cblas_sgemv(CblasRowMajor, bool(t) ? CblasTrans : CblasNoTrans, m, n, alpha, a, lda, x, 1, beta,
              y, 1);
}

/// Pieces of the long side. Their length is fixed, so that no rounding depends on the threads.
inline int wide_chunks(int n) {
  return (n + wide_chunk - 1) / wide_chunk;
}

}  // namespace impl

/// Rank-3 views whose first `count` vectors an item take part; all of them by default.
template <class V>
struct Leading {
  V view;
  int count;
  explicit Leading(V const& v) : view(v), count(int(v.extent(1))) {}
  Leading(V const& v, int c) : view(v), count(c) {}
};

/// G := X Y^T, G(item, i, j) = x_i . y_j over the long side.
///
/// Requires  X: (items, >= a, n), Y: (items, >= b, n), G: (items, >= a, >= b), LayoutRight;
///           `partial`: (items, a * b * wide_chunks(n)) or more words, where a host sums its pieces.
/// Costs     2 a b n flops an item.
template <ExecutionSpace E, class X, class Y, class G, class Partial>
void wide_gram(E const& space, Leading<X> const& x, Leading<Y> const& y, G const& g,
               Partial const& partial) {
  using T = typename G::non_const_value_type;
  int const items = int(g.extent(0)), a = x.count, b = y.count, n = int(x.view.extent(2));
  if (items == 0 || a == 0 || b == 0) return;
  if constexpr (impl::runs_on_host<E>) {
    int const chunks = impl::wide_chunks(n);
    MINFOLD_REQUIRE(chunks == 1 || partial.extent(1) >= std::size_t(chunks) * a * b,
                    "wide_gram: partial has ", partial.extent(1), " words an item, expected ",
                    std::size_t(chunks) * a * b);
    auto const xv = x.view;
    auto const yv = y.view;
    Kokkos::parallel_for(
        "minfold::wide_gram",
        Kokkos::RangePolicy<E, Kokkos::Schedule<Kokkos::Dynamic>>(space, 0, items * chunks)
            .set_chunk_size(1),
        [=](int task) {
          impl::SequentialBlas const sequential;
          int const item = task / chunks, chunk = task % chunks, first = chunk * impl::wide_chunk;
          int const length = std::min(impl::wide_chunk, n - first);
          T* const out = chunks == 1 ? &g(item, 0, 0) : &partial(item, std::size_t(chunk) * a * b);
          int const ld = chunks == 1 ? int(g.stride(1)) : b;
          auto const* const xp = &xv(item, 0, first);
          auto const* const yp = &yv(item, 0, first);
          if (a == 1)
            impl::host_gemv(Transpose::no, b, length, T(1), yp, int(yv.stride(1)), xp, T(0), out);
          else
            impl::host_gemm(Transpose::no, Transpose::yes, a, b, length, T(1), xp,
                            int(xv.stride(1)), yp, int(yv.stride(1)), T(0), out, ld);
        });
    if (chunks == 1) return;
    Kokkos::parallel_for("minfold::wide_gram::sum", Kokkos::RangePolicy<E>(space, 0, items * a * b),
                         [=](int t) {
                           int const item = t / (a * b), entry = t % (a * b);
                           T sum = 0;
                           for (int chunk = 0; chunk < chunks; ++chunk)
                             sum += partial(item, std::size_t(chunk) * a * b + entry);
                           g(item, entry / b, entry % b) = sum;
                         });
  } else {
    impl::gemm_strided<E, T>(space, Transpose::no, Transpose::yes, items, a, b, n, T(1),
                             x.view.data(), long(x.view.stride(0)), int(x.view.stride(1)),
                             y.view.data(), long(y.view.stride(0)), int(y.view.stride(1)), T(0),
                             g.data(), long(g.stride(0)), int(g.stride(1)));
  }
}

/// Y := alpha op(C) X + beta Y: each vector of Y a combination of those of X.
///
/// Requires  op(C): (items, >= b, >= a), X: (items, >= a, n), Y: (items, >= b, n), LayoutRight; Y does
///           not alias X.
/// Costs     2 a b n flops an item.
template <ExecutionSpace E, class C, class X, class Y>
void wide_combine(E const& space, Transpose tc, typename Y::non_const_value_type alpha, C const& c,
                  Leading<X> const& x, typename Y::non_const_value_type beta, Leading<Y> const& y) {
  using T = typename Y::non_const_value_type;
  int const items = int(c.extent(0)), a = x.count, b = y.count, n = int(x.view.extent(2));
  if (items == 0 || a == 0 || b == 0) return;
  if constexpr (impl::runs_on_host<E>) {
    int const chunks = impl::wide_chunks(n);
    auto const xv = x.view;
    auto const yv = y.view;
    Kokkos::parallel_for(
        "minfold::wide_combine",
        Kokkos::RangePolicy<E, Kokkos::Schedule<Kokkos::Dynamic>>(space, 0, items * chunks)
            .set_chunk_size(1),
        [=](int task) {
          impl::SequentialBlas const sequential;
          int const item = task / chunks, first = (task % chunks) * impl::wide_chunk;
          int const length = std::min(impl::wide_chunk, n - first);
          auto const* const xp = &xv(item, 0, first);
          T* const yp = &yv(item, 0, first);
          if (b == 1 && tc == Transpose::no)
            impl::host_gemv(Transpose::yes, a, length, alpha, xp, int(xv.stride(1)), &c(item, 0, 0),
                            beta, yp);
          else
            impl::host_gemm(tc, Transpose::no, b, length, a, alpha, &c(item, 0, 0),
                            int(c.stride(1)), xp, int(xv.stride(1)), beta, yp, int(yv.stride(1)));
        });
  } else {
    impl::gemm_strided<E, T>(space, tc, Transpose::no, items, b, n, a, alpha, c.data(),
                             long(c.stride(0)), int(c.stride(1)), x.view.data(),
                             long(x.view.stride(0)), int(x.view.stride(1)), beta, y.view.data(),
                             long(y.view.stride(0)), int(y.view.stride(1)));
  }
}

/// Words an item that wide_gram needs for blocks of a and b vectors.
inline std::size_t wide_partial(int a, int b, int n) {
  return std::size_t(impl::wide_chunks(n)) * a * b;
}

}  // namespace minfold

#endif
