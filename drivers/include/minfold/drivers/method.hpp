// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_METHOD_HPP
#define MINFOLD_DRIVERS_METHOD_HPP

#include <minfold/drivers/hgms.hpp>
#include <minfold/drivers/oracle.hpp>

/// The methods that move (x, y) by first-order steps: what one is, and the loop around all of them.
namespace minfold {

/// What an outer iteration tells of itself.
struct MethodStep {
  double stationarity = 0;  ///< norm of what the method drives to zero, at the point it left
  double scale = 0;         ///< norms of the terms that cancel in it: the unit of the tolerance
  double step = 0;          ///< length factor of the step in x
  double lower_gap = Iteration::unknown;
  double kkt_residual = Iteration::unknown;
  double penalty = Iteration::unknown;
};
template <class A>
void visit_members(A& a, MethodStep& s) {
  a("stationarity", s.stationarity);
  a("scale", s.scale);
  a("step", s.step);
  a("lower_gap", s.lower_gap);
  a("kkt_residual", s.kkt_residual);
  a("penalty", s.penalty);
}

template <class T, ExecutionSpace E>
class Method {
 public:
  virtual ~Method() = default;
  /// Before the first iteration; the oracle holds the start. Reserves what the steps need.
  virtual void begin(Oracle<T, E>& oracle) = 0;
  /// Iteration k = 0, 1, ... of `total`: moves oracle.x and oracle.y.
  virtual MethodStep step(Oracle<T, E>& oracle, int k, int total) = 0;
  /// Whether y_0 should minimize g first.
  virtual bool starts_on_lower_solution() const { return false; }
  /// What the method itself can tell of its end, from samples of the data: the certificate where the end
  /// is not assessed. Never `certified`.
  virtual std::optional<Certificate> estimate(Oracle<T, E>&) { return std::nullopt; }
  /// What the run so far tells besides its records.
  virtual std::vector<Finding> findings() const { return {}; }
  /// What the next steps and the end depend on besides the oracle's x and y, for snapshots: see StateArchive.
  /// It is loaded after begin(), which may have been at another point.
  virtual void archive(StateArchive&, E const&) {
    MINFOLD_REQUIRE(false, "this method cannot be checkpointed: it has no archive()");
  }
};

template <class T>
struct RunOptions {
  int max_iterations = 1000;
  /// Stop at stationarity <= tolerance * (its scale in the first iteration where that is not 0); 0: never.
  T tolerance = std::is_same_v<T, float> ? T(1e-4) : T(1e-6);
  std::uint64_t seed = 1;
  int record_every = 1;  ///< the observer sees every so many iterations, and the last
  bool assess = true;    ///< certify the end by HG-MS, see below
  HgmsOptions<T> certify = {};
};

/// Runs `method` from state.x, and from state.y if that is warm, else from random points.
///
/// The end is *assessed*: the stages of HG-MS, without a step in x, find F(x), grad F(x) and their
/// certificate at the final x. The result is certified where that certificate is, where ||grad F(x)|| is
/// below the tolerance too, and where the method's y is the selected point. What the assessment and the
/// records cost is not in the counters, which hold the work of the method alone.
///
/// `checkpoints` says when the state is handed out, and from which snapshot a run goes on. begin() is called
/// for a resumed run too, and what it costs is not counted twice.
template <class T, ExecutionSpace E>
SolveResult run_method(E const& space, AnyProblem<T, E> const& problem, BilevelState<T, E>& state,
                       Method<T, E>& method, RunOptions<T> const& options = {},
                       Observer const& observer = {}, Checkpoints const& checkpoints = {});

}  // namespace minfold

#include <minfold/drivers/impl/method_impl.hpp>

#define MINFOLD_IMPL_METHOD(prefix, T)                                                   \
  prefix template class minfold::Oracle<T, Kokkos::DefaultExecutionSpace>;               \
  prefix template minfold::SolveResult minfold::run_method(                              \
      Kokkos::DefaultExecutionSpace const&,                                              \
      minfold::AnyProblem<T, Kokkos::DefaultExecutionSpace> const&,                      \
      minfold::BilevelState<T, Kokkos::DefaultExecutionSpace>&,                          \
      minfold::Method<T, Kokkos::DefaultExecutionSpace>&, minfold::RunOptions<T> const&, \
      minfold::Observer const&, minfold::Checkpoints const&);
#if defined(MINFOLD_EXTERN_TEMPLATES)
MINFOLD_IMPL_METHOD(extern, float)
MINFOLD_IMPL_METHOD(extern, double)
#endif

#endif
