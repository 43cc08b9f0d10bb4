// SPDX-License-Identifier: Apache-2.0
// std::mdspan in, where the compiler has it; before that the mdspan that comes with Kokkos, which is the
// reference implementation of the standard's. Exit status 77: there is neither.
//
// A = I - u u^T with |u| = 1 is a projector, so that A^+ b = b - (u^T b) u.
#include <minfold/core/mdspan.hpp>
#include <minfold/kernels/pinv_cg.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

#if defined(__cpp_lib_mdspan)
namespace spans = std;
constexpr char const* whose = "std";
#elif defined(KOKKOS_ENABLE_IMPL_MDSPAN)
namespace spans = Kokkos;
constexpr char const* whose = "Kokkos";
#else
#define EXAMPLE_HAS_NO_MDSPAN
#endif

#if defined(EXAMPLE_HAS_NO_MDSPAN)

int main() {
  std::puts("skipped: no std::mdspan, and none in this Kokkos");
  return 77;
}

#else

namespace {

int run() {
  Kokkos::DefaultHostExecutionSpace const space;
  int const items = 50, n = 20, columns = 3;
  std::vector<double> a(items * n * n), b(items * n * columns), z(items * n);
  spans::mdspan<double, spans::dextents<int, 3>> const matrices(a.data(), items, n, n);
  // My right-hand sides lie side by side: b(item, i) of column c is b[(item * n + i) * columns + c].
  using Strided = spans::mdspan<double, spans::dextents<int, 2>, spans::layout_stride>;
  auto const column = [&](int c) {
    using Mapping = spans::layout_stride::mapping<spans::dextents<int, 2>>;
    return Strided(b.data() + c, Mapping(spans::dextents<int, 2>(items, n),
                                         std::array<int, 2>{n * columns, columns}));
  };
  spans::mdspan<double, spans::dextents<int, 2>> const solution(z.data(), items, n);
  double const u = 1 / std::sqrt(double(n));
  for (int item = 0; item < items; ++item)
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < n; ++j) a[(item * n + i) * n + j] = (i == j) - u * u;
      for (int c = 0; c < columns; ++c) b[(item * n + i) * columns + c] = i + c - 0.5 * (n - 1) - c;
    }

  auto const solves = minfold::make_scalars<minfold::SolveRecord<double>>(space, "solves", items);
  double error = 0;
  for (int c = 0; c < columns; ++c) {
    minfold::pinv_cg(space, minfold::DenseOperator(minfold::as_view(space, matrices)),
                     minfold::as_view(space, column(c)), minfold::as_view(space, solution), solves);
    space.fence("z is used on the host");
    if (!minfold::summarize(space, solves).all(minfold::Outcome::converged)) return 1;
    for (int t = 0; t < items * n; ++t)
      error = std::max(error, std::abs(z[t] - (t % n - 0.5 * (n - 1))));
  }
  std::printf("%s::mdspan: error %.1e\n", whose, error);
  return error <= 1e-12 * n ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  return run();
}

#endif
