// SPDX-License-Identifier: Apache-2.0
// A large model: derive from AnyProblem and write its products as matrix products.
//
//     g(x, y) = 1/2 |S Q y - S x|^2,   f(x, y) = 1/2 |y - c|^2 + rho/2 |x|^2,   S = diag(s),
// with fewer rows than unknowns: S(x) = {Q y = x} is an affine space of dimension n - m. The rows of Q
// are cosines and orthonormal, so that y*(x) = c + Q^T (x - Q c), F(x) = 1/2 |x - Q c|^2 + rho/2 |x|^2, and
// the optimum is x = Q c / (1 + rho), F = rho / (1 + rho) |Q c|^2 / 2.
#include <minfold/core/blas.hpp>
#include <minfold/drivers/hgms.hpp>

#include <cmath>
#include <cstdio>

using Space = Kokkos::DefaultExecutionSpace;
using minfold::Transpose;
using Vectors = minfold::Vectors<double, Space>;
using ConstVectors = minfold::Vectors<double const, Space>;
using Values = minfold::Scalars<double, Space>;

class Cosines : public minfold::AnyProblem<double, Space> {
 public:
  static constexpr double rho = 0.25;
  int const m, n;
  Vectors a;  ///< S Q, (m, n)
  Values s, c;

  Cosines(Space const& space, int rows, int unknowns)
      : m(rows), n(unknowns), a("a", rows, unknowns), s("s", rows), c("c", unknowns) {
    fill(space);
  }
  void fill(Space const& space) {
    auto const a_ = a;
    auto const s_ = s, c_ = c;
    int const rows = m, n_ = n;
    double const pi = std::acos(-1.0);
    Kokkos::parallel_for(
        "my model", Kokkos::RangePolicy<Space>(space, 0, m * n), KOKKOS_LAMBDA(int t) {
          int const i = t / n_, j = t % n_;
          double const scale = 1 + double(i) / rows;
          a_(i, j) = scale * Kokkos::sqrt(2.0 / n_) * Kokkos::cos(pi * (j + 0.5) * (i + 1) / n_);
          if (j == 0) s_(i) = scale;
          if (i == 0)
            c_(j) = 1 + Kokkos::cos(pi * (j + 0.5) / n_);  // 1 has no part in the rows of Q
        });
  }

  int batch_size() const override { return 1; }
  int dim_x() const override { return m; }
  int dim_y() const override { return n; }

  // Points are rows, so a batch of products Q y is one product of matrices: Y A^T.
  Vectors residual(Space const& space, ConstVectors x, ConstVectors y) const {
    auto const r = minfold::make_vectors<double>(space, "r", int(y.extent(0)), m);
    auto const scale = s;
    Kokkos::parallel_for(
        "my right-hand side", Kokkos::RangePolicy<Space>(space, 0, long(r.size())),
        KOKKOS_LAMBDA(long t) {
          long const rows = long(r.extent(1)), i = t % rows;
          r(t / rows, i) = scale(i) * x(0, i);
        });
    minfold::gemm(space, Transpose::no, Transpose::yes, 1.0, y, a, -1.0, r);
    return r;
  }
  void lower_value(Space const& space, ConstVectors x, ConstVectors y, Values out) const override {
    half_squares(space, residual(space, x, y), out, 0);
  }
  void upper_value(Space const& space, ConstVectors x, ConstVectors y, Values out) const override {
    auto const gx = minfold::make_vectors<double>(space, "gx", int(y.extent(0)), m);
    auto const gy = minfold::make_vectors<double>(space, "gy", int(y.extent(0)), n);
    upper_gradient(space, x, y, gx, gy);
    half_squares(space, gy, out, 0);
    half_squares(space, gx, out, 1 / rho);
  }
  void upper_gradient(Space const& space, ConstVectors x, ConstVectors y, Vectors gx,
                      Vectors gy) const override {
    auto const c_ = c;
    int const n_ = n, m_ = m;
    Kokkos::parallel_for(
        "my f", Kokkos::RangePolicy<Space>(space, 0, long(y.extent(0)) * n), KOKKOS_LAMBDA(long t) {
          long const item = t / n_, j = t % n_;
          gy(item, j) = y(item, j) - c_(j);
          if (j < m_) gx(item, j) = rho * x(0, j);
        });
  }
  void lower_gradient(Space const& space, ConstVectors x, ConstVectors y,
                      Vectors gy) const override {
    minfold::gemm(space, Transpose::no, Transpose::no, 1.0, residual(space, x, y), a, 0.0, gy);
  }
  /// H V = A^T A V for all vectors of all points at once: (V A^T) A.
  void lower_hessian(Space const& space, ConstVectors, ConstVectors, ConstBlocks v,
                     minfold::Blocks<double, Space> out) const override {
    int const vectors = int(v.extent(0) * v.extent(1));
    ConstVectors const flat(v.data(), vectors, n);
    auto const product = minfold::make_vectors<double>(space, "A V", vectors, m);
    minfold::gemm(space, Transpose::no, Transpose::yes, 1.0, flat, a, 0.0, product);
    minfold::gemm(space, Transpose::no, Transpose::no, 1.0, product, a, 0.0,
                  Vectors(out.data(), vectors, n));
  }
  /// G = -A^T S
  void mixed_transpose(Space const& space, ConstVectors, ConstVectors, ConstVectors z,
                       Vectors out) const override {
    minfold::gemm(space, Transpose::no, Transpose::yes, -1.0, z, a, 0.0, out);
    auto const scale = s;
    Kokkos::parallel_for(
        "my mixed product", Kokkos::RangePolicy<Space>(space, 0, long(out.size())),
        KOKKOS_LAMBDA(long t) {
          long const rows = long(out.extent(1));
          out(t / rows, t % rows) *= scale(t % rows);
        });
  }
  // For the certificate: the curvature of f along S(x). g is quadratic.
  bool has_second_order() const override { return true; }
  void upper_hessian(Space const& space, ConstVectors, ConstVectors, ConstBlocks v,
                     minfold::Blocks<double, Space> out) const override {
    Kokkos::deep_copy(space, out, v);
  }
  void third_product(Space const& space, ConstVectors, ConstVectors, ConstVectors, ConstBlocks,
                     minfold::Blocks<double, Space> out) const override {
    Kokkos::deep_copy(space, out, 0.0);
  }

  /// out(item) := |v(item, :)|^2 / 2, or more of it added to what is there.
  static void half_squares(Space const& space, ConstVectors v, Values out, double more) {
    minfold::for_each_item(
        "my squares", space, int(v.extent(0)), int(v.extent(1)),
        KOKKOS_LAMBDA(minfold::TeamMember<Space> const& team, int item) {
          auto const row = Kokkos::subview(v, item, Kokkos::ALL);
          double const half = 0.5 * minfold::team_dot(team, int(v.extent(1)), row, row);
          Kokkos::single(Kokkos::PerTeam(team),
                         [&] { out(item) = more > 0 ? out(item) + more * half : half; });
        });
  }
};

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(argc, argv);
  Space const space;
  Cosines const problem(space, 40, 600);
  minfold::BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(state.x, 1.0);
  auto const result = minfold::minimize_hgms(space, problem, state);
  // Q c = sqrt(n / 2) e_1
  double const expected = 0.5 * 600 / 2 * problem.rho / (1 + problem.rho);
  double const error = std::abs(result.last.upper / expected - 1);
  std::printf("%s and %s after %d iterations: F = %.12f, error %.1e, dim S = %d\n",
              to_string(result.outcome), to_string(result.last.certificate.verdict),
              result.iterations, result.last.upper, error,
              result.last.certificate.kernel_dimension);
  return result.solved() && error <= 1e-8 && result.last.certificate.kernel_dimension == 560 ? 0
                                                                                             : 1;
}
