// SPDX-License-Identifier: Apache-2.0
// The host of this project; it knows Kokkos by minfold only.
#include <minfold/core/runtime.hpp>
#include <minfold/core/version.hpp>
#include <minfold/kernels/pinv_cg.hpp>

#include <cmath>
#include <cstdio>

// y := x - mean(x): a projector, its own pseudoinverse.
struct Centre {
  using scalar_type = double;
  int n;
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim() const { return n; }
  template <class Team, class X, class Y>
  KOKKOS_FUNCTION void apply(Team const& team, int, X const& x, Y const& y) const {
    double const mean = minfold::team_sum(team, n, [&](int i) { return x(i); }) / n;
    minfold::team_for(team, n, [&](int i) { y(i) = x(i) - mean; });
  }
};

int main() {
  minfold::Runtime const runtime;
  Kokkos::DefaultExecutionSpace const space;
  int const n = 100;
  auto const b = minfold::make_vectors<double>(space, "b", 1, n);
  auto const z = minfold::make_vectors<double>(space, "z", 1, n);
  auto const host = Kokkos::create_mirror_view(b);
  for (int i = 0; i < n; ++i) host(0, i) = i - 0.5 * (n - 1);
  Kokkos::deep_copy(space, b, host);
  auto const records = minfold::make_scalars<minfold::SolveRecord<double>>(space, "records", 1);
  minfold::pinv_cg(space, Centre{n}, b, z, records);
  auto const x = minfold::to_host(space, z);
  double error = 0;
  for (int i = 0; i < n; ++i) error = std::fmax(error, std::fabs(x(0, i) - host(0, i)));
  std::printf("minfold %d: error %.1e\n", MINFOLD_VERSION, error);
  return minfold::summarize(space, records).all(minfold::Outcome::converged) && error <= 1e-10 ? 0
                                                                                               : 1;
}
