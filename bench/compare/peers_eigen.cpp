// SPDX-License-Identifier: Apache-2.0
#include "compare/problem.hpp"
#include "support/host_loop.hpp"

#if defined(MINFOLD_BENCH_EIGEN)
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/IterativeLinearSolvers>
#if defined(MINFOLD_BENCH_SPECTRA)
#include <Eigen/Cholesky>
#include <Spectra/MatOp/DenseSymShiftSolve.h>
#include <Spectra/SymEigsShiftSolver.h>
#endif
#endif

#include <algorithm>

namespace minfold::bench {

#if defined(MINFOLD_BENCH_EIGEN)
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

/// Both triangles: Eigen's product with one of them is slower at every size here.
using Cg =
    Eigen::ConjugateGradient<Matrix, Eigen::Lower | Eigen::Upper, Eigen::IdentityPreconditioner>;

Contender eigen_cg(Problem const& p) {
  auto const output = make_output(p.what, false, true);
  auto const h = p.planted.matrix, b = p.planted.rhs;
  Shape const s = p.what.shape;
  auto const solve = [=] {
    host_loop(s.items, [&](int item) {
      Eigen::Map<Matrix const> const matrix(&h(item, 0, 0), s.n, s.n);
      Cg cg;
      cg.setTolerance(cg_tolerance);
      cg.setMaxIterations(10 * s.n + 100);
      cg.compute(matrix);
      output->products[item] = 0;
      for (int c = 0; c < s.columns; ++c) {
        Eigen::Map<Vector>(&output->z(item, c, 0), s.n) =
            cg.solve(Eigen::Map<Vector const>(&b(item, c, 0), s.n));
        output->products[item] += long(cg.iterations());
        if (cg.info() != Eigen::Success) output->info[item] = 1;
      }
    });
  };
  return {"eigen_cg", solve, [=] { return answer_of(*output); }};
}

#if defined(MINFOLD_BENCH_SPECTRA)
/// The k eigenvalues closest to a shift below zero, by Lanczos on the inverse, in the setting that was
/// right most often (shifts 1e-3 to 1, tolerances 1e-10 and 1e-12, 2 k and 3 k vectors were tried); then
/// as for dsyevr.
Contender spectra(Problem const& p) {
  auto const output = make_output(p.what, true, true);
  auto const h = p.planted.matrix, b = p.planted.rhs;
  Shape const s = p.what.shape;
  auto const solve = [=] {
    host_loop(s.items, [&](int item) {
      int const n = s.n, k = s.kernel;
      Eigen::Map<Matrix const> const matrix(&h(item, 0, 0), n, n);
      Spectra::DenseSymShiftSolve<double> shifted(matrix);
      Spectra::SymEigsShiftSolver<Spectra::DenseSymShiftSolve<double>> eigen(
          shifted, k, std::min(n, std::max(2 * k + 1, 20)), -1e-3);
      eigen.init();
      int const found = int(eigen.compute(Spectra::SortRule::LargestMagn, 1000, 1e-12));
      bool const good = eigen.info() == Spectra::CompInfo::Successful && found == k;
      output->info[item] = good ? 0 : 1;
      output->dimension[item] = found;
      if (!good) return;
      Eigen::Map<Matrix> basis(&output->basis(item, 0, 0), n, k);
      basis = eigen.eigenvectors();
      Matrix lifted = matrix;
      lifted.selfadjointView<Eigen::Lower>().rankUpdate(basis);
      Vector right = Eigen::Map<Vector const>(&b(item, 0, 0), n);
      right -= basis * (basis.transpose() * right);
      Eigen::LLT<Eigen::Ref<Matrix>, Eigen::Lower> const factor(lifted);
      Vector z = factor.solve(right);
      z -= basis * (basis.transpose() * z);
      Eigen::Map<Vector>(&output->z(item, 0, 0), n) = z;
    });
  };
  return {"spectra", solve, [=] { return answer_of(*output); }};
}
#endif

}  // namespace

void add_eigen_peers(Problem const& p, Contenders& peers) {
  if (p.what.job == Job::cg || p.what.job == Job::cg_block) peers.push_back(eigen_cg(p));
#if defined(MINFOLD_BENCH_SPECTRA)
  // With k a sizeable part of n it takes minutes.
  if (p.what.job == Job::kernel_and_pinv && p.what.shape.kernel <= 32) peers.push_back(spectra(p));
#endif
}

#else
void add_eigen_peers(Problem const&, Contenders&) {}
#endif

}  // namespace minfold::bench
