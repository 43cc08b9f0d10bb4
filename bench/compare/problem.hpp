// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_COMPARE_PROBLEM_HPP
#define MINFOLD_BENCH_COMPARE_PROBLEM_HPP

#include "support/planted.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

/// The words of the comparison: a *case* is a batch, a *job* is what is asked of it, a *contender*
/// (minfold or a peer) does the job and leaves an *answer*, which is checked before anything is timed.
namespace minfold::bench {

enum class Job { kernel_and_pinv, range_basis, cg, cg_block, matrix_free_kernel, nystrom };
char const* to_string(Job job);

struct Case {
  Job job = Job::cg;
  std::string name;  ///< "1000x32k4": items, n and what else counts
  Shape shape;
  int rows = 0;  ///< matrix-free: of J where H = J^T J
};

/// All cases, in the order in which they run.
std::vector<Case> all_cases();

/// Relative residual at which every CG stops.
inline constexpr double cg_tolerance = 1e-10;
/// An error above this is a wrong answer: twice what a relative residual of cg_tolerance allows.
inline double right_below(Case const& c) {
  return 2 * cg_tolerance * c.shape.condition;
}

struct Problem {
  Case what;
  Planted planted;               ///< explicit matrices
  Blocks<double, Space> matrix;  ///< planted.matrix on the device
  Blocks<double, Space> rhs;     ///< planted.rhs on the device
  Vectors<double, Space> data;   ///< matrix-free: see matrix_free.hpp
  HostVectors kernel;            ///< matrix-free: (k, n), where it can be written down
  HostVectors start;             ///< matrix-free: random vectors (columns + 4, n)
};
Problem make_problem(Case const& c);

/// What a contender leaves, on the host.
struct Answer {
  HostBlocks basis;            ///< (items, capacity, n); no extent: none was asked for
  std::vector<int> dimension;  ///< of the basis of each item
  HostBlocks z;                ///< (items, columns, n); no extent: none was asked for
  std::string complaint;       ///< what the solver itself says is wrong; empty: nothing
  long products = 0;           ///< with a vector, all items together; 0: not counted
  double product_seconds = 0;  ///< matrix-free: spent in products in the last run
};

struct Contender {
  std::string name;
  std::function<void()> solve;     ///< timed; done when it returns
  std::function<Answer()> answer;  ///< of the last solve
  /// Changes the relative residual at which it stops from cg_tolerance; none: it cannot be changed.
  std::function<void(double tolerance)> stop_at = {};
};
using Contenders = std::vector<Contender>;

/// Room for the answers of a peer on the host.
struct Output {
  HostBlocks basis;
  std::vector<int> dimension, info;  ///< info: nonzero means that LAPACK or the solver has failed
  HostBlocks z;
  std::vector<long> products;
};
std::shared_ptr<Output> make_output(Case const& c, bool with_basis, bool with_z);
Answer answer_of(Output const& output);

/// The contender, but that it keeps minfold's arrays from call to call, as peers keep theirs.
Contender with_workspace(Space const& space, Contender contender);
/// `space` is what it runs on.
Contender minfold_contender(Problem const& problem, Space const& space = Space());

void add_lapack_peers(Problem const& problem, Contenders& peers);
void add_eigen_peers(Problem const& problem, Contenders& peers);
void add_krylov_peers(Problem const& problem, Contenders& peers);
void add_kokkos_kernels_peers(Problem const& problem, Contenders& peers);
void add_cuda_peers(Problem const& problem, Contenders& peers);
/// The job nystrom: minfold with the preconditioner, and without.
Contender nystrom_contender(Problem const& problem);
void add_plain_cg(Problem const& problem, Contenders& peers);
/// minfold itself where more is known of a small kernel: its dimension, bounds of the spectrum, both.
void add_informed_kernels(Problem const& problem, Contenders& peers);
/// minfold itself, one right-hand side after the other.
void add_single_solves(Problem const& problem, Contenders& peers);

/// Names of peers that this executable was built without.
std::vector<std::string> absent_peers();

struct Verdict {
  double error = 0;  ///< see check
  bool wrong = false;
  std::string reason;
};
/// Compares with what was planted. error: the largest, over the items, of the sine of the largest angle
/// between the spaces (of more than four dimensions by power iteration), max |Q Q^T - I| and ||z - z*|| / ||z*||.
/// Where ker H is too large to be written down: ||H Q||_F / ||H|| in place of the sine.
Verdict check(Problem const& problem, Answer const& answer);

/// Least time that the job takes by the machine's ceilings, in seconds: read what must be read, compute
/// what must be computed.
struct Work {
  double bytes = 0, flops = 0;
  double working_set = 0;  ///< of one thread; says which cache feeds it
};
Work least_work(Problem const& problem, Answer const& answer);

}  // namespace minfold::bench

#endif
