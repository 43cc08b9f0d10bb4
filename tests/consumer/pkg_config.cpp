// SPDX-License-Identifier: Apache-2.0
// For a compiler without CMake: needs all three libraries and what they stand on.
#include <minfold/core/runtime.hpp>
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/kernels/pinv_direct.hpp>

#include <cmath>
#include <cstdio>

int main() {
  minfold::Runtime const runtime;
  Kokkos::DefaultExecutionSpace const space;
  double a[] = {2, 2, 2, 2}, b[] = {1, 1}, z[] = {0, 0};  // A^+ b = b / 4
  Kokkos::View<double***, Kokkos::LayoutRight, Kokkos::HostSpace> const matrix(a, 1, 2, 2);
  minfold::Vectors<double, Kokkos::DefaultHostExecutionSpace> const rhs(b, 1, 2), solution(z, 1, 2);
  auto const records = minfold::make_scalars<minfold::SolveRecord<double>>(space, "records", 1);
  auto const kernels = minfold::make_scalars<minfold::KernelRecord<double>>(space, "kernels", 1);
  minfold::pinv_direct(space, minfold::DenseOperator(matrix), rhs, solution, records, kernels);
  // Float and LayoutLeft: not among the instantiations that the library holds.
  float const a_left[] = {2, 2, 2, 2}, b_left[] = {1, 1};
  float z_left[] = {0, 0};
  using Host = Kokkos::HostSpace;
  Kokkos::View<float const***, Kokkos::LayoutLeft, Host> const matrix_left(a_left, 1, 2, 2);
  Kokkos::View<float const**, Kokkos::LayoutLeft, Host> const rhs_left(b_left, 1, 2);
  Kokkos::View<float**, Kokkos::LayoutLeft, Host> const solution_left(z_left, 1, 2);
  auto const records_left = minfold::make_scalars<minfold::SolveRecord<float>>(space, "records", 1);
  minfold::pinv_cg(space, minfold::DenseOperator(matrix_left), rhs_left, solution_left,
                   records_left);
  space.fence("z is read");
  std::printf("z = %.17g, %.17g; %zu methods\n", z[0], z[1], minfold::methods().size());
  bool const right = std::fabs(z[0] - 0.25) <= 1e-15 && std::fabs(z[1] - 0.25) <= 1e-15;
  bool const right_left =
      std::fabs(z_left[0] - 0.25f) <= 1e-6f && std::fabs(z_left[1] - 0.25f) <= 1e-6f;
  return right && right_left && kernels(0).dimension == 1 && minfold::methods().size() > 5 ? 0 : 1;
}
