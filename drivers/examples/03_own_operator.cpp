// SPDX-License-Identifier: Apache-2.0
// My own operator, without a matrix: products by a team inside one launch, or of whole blocks.
//
// A = -d^2 on a ring of n points, one stiffness an item; n is too large for a matrix. Its kernel are
// the constants, cos(w j) belongs to the eigenvalue stiffness (2 - 2 cos w).
#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/pinv_cg.hpp>

#include <cmath>
#include <cstdio>

using Space = Kokkos::DefaultExecutionSpace;

// By a team: the solve is one launch, the vectors stay in cache. Best for many systems of modest size.
struct Ring {
  using scalar_type = double;
  minfold::Scalars<double, Space> stiffness;
  int n;

  KOKKOS_FUNCTION int batch_size() const { return int(stiffness.extent(0)); }
  KOKKOS_FUNCTION int dim() const { return n; }
  template <class Team, class X, class Y>
  KOKKOS_FUNCTION void apply(Team const& team, int item, X const& x, Y const& y) const {
    double const s = stiffness(item);
    minfold::team_for(team, n, [&](int j) {
      y(j) = s * (2 * x(j) - x(j + 1 < n ? j + 1 : 0) - x(j > 0 ? j - 1 : n - 1));
    });
  }
};

// Of blocks (item, column, i), called from the host: a launch of my own, an FFT, a matrix product.
struct RingInBulk {
  using scalar_type = double;
  Ring ring;

  int batch_size() const { return ring.batch_size(); }
  int dim() const { return ring.dim(); }
  template <class X, class Y>
    requires(X::rank() == 3)
  void apply(Space const& space, X const& x, Y const& y) const {
    auto const s = ring.stiffness;
    int const n = ring.n;
    Kokkos::parallel_for(
        "my ring",
        Kokkos::MDRangePolicy<Space, Kokkos::Rank<3>>(
            space, {0, 0, 0}, {long(x.extent(0)), long(x.extent(1)), long(n)}),
        KOKKOS_LAMBDA(int item, int c, int j) {
          y(item, c, j) = s(item) * (2 * x(item, c, j) - x(item, c, j + 1 < n ? j + 1 : 0) -
                                     x(item, c, j > 0 ? j - 1 : n - 1));
        });
  }
};

template <class Operator>
double solve(Space const& space, Operator const& a, char const* name) {
  int const items = a.batch_size(), n = a.dim();
  double const w = 2 * std::acos(-1.0) * 3 / n;
  auto const b = minfold::make_vectors<double>(space, "b", items, n);
  auto const z = minfold::make_vectors<double>(space, "z", items, n);
  auto const host = Kokkos::create_mirror_view(b);
  for (int item = 0; item < items; ++item)
    for (int j = 0; j < n; ++j) host(item, j) = std::cos(w * j);
  Kokkos::deep_copy(space, b, host);

  // How large is the kernel? Products tell; nobody says that it is one vector.
  minfold::Basis<double, Space> const kernel{minfold::make_blocks<double>(space, "q", items, 4, n),
                                             minfold::make_scalars<int>(space, "k", items)};
  auto const kernels = minfold::make_scalars<minfold::KernelRecord<double>>(space, "r", items);
  minfold::kernel_basis(space, a, kernel, kernels, {.method = minfold::KernelMethod::randomized});
  auto const solves = minfold::make_scalars<minfold::SolveRecord<double>>(space, "r", items);
  minfold::pinv_cg(space, a, b, z, solves, {}, kernel);

  auto const found = minfold::to_host(space, kernels);
  auto const x = minfold::to_host(space, z);
  double error = minfold::summarize(space, solves).all(minfold::Outcome::converged) ? 0 : HUGE_VAL;
  for (int item = 0; item < items; ++item) {
    if (found(item).dimension != 1 || found(item).outcome != minfold::Outcome::converged)
      error = HUGE_VAL;
    double const eigenvalue = (1 + item) * (2 - 2 * std::cos(w));
    for (int j = 0; j < n; ++j)
      error = std::max(error, std::abs(x(item, j) * eigenvalue - std::cos(w * j)));
  }
  std::printf("%s: %d products an item for the kernel, error %.1e\n", name, found(0).products,
              error);
  return error;
}

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  Space const space;
  int const items = 3, n = 300;
  Ring const ring{minfold::make_scalars<double>(space, "stiffness", items), n};
  auto const s = Kokkos::create_mirror_view(ring.stiffness);
  for (int item = 0; item < items; ++item) s(item) = 1 + item;
  Kokkos::deep_copy(space, ring.stiffness, s);
  space.fence("s goes out of scope");
  bool const right =
      solve(space, ring, "by team") <= 1e-9 && solve(space, RingInBulk{ring}, "in bulk") <= 1e-9;
  return right ? 0 : 1;
}
