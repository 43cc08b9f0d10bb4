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
template <class T, ExecutionSpace E>
SolveResult run_method(E const& space, AnyProblem<T, E> const& problem, BilevelState<T, E>& state,
                       Method<T, E>& method, RunOptions<T> const& options = {},
                       Observer const& observer = {});

}  // namespace minfold

#include <minfold/drivers/impl/method_impl.hpp>

#define MINFOLD_IMPL_METHOD(prefix, T)                                                   \
  prefix template class minfold::Oracle<T, Kokkos::DefaultExecutionSpace>;               \
  prefix template minfold::SolveResult minfold::run_method(                              \
      Kokkos::DefaultExecutionSpace const&,                                              \
      minfold::AnyProblem<T, Kokkos::DefaultExecutionSpace> const&,                      \
      minfold::BilevelState<T, Kokkos::DefaultExecutionSpace>&,                          \
      minfold::Method<T, Kokkos::DefaultExecutionSpace>&, minfold::RunOptions<T> const&, \
      minfold::Observer const&);
#if defined(MINFOLD_EXTERN_TEMPLATES)
MINFOLD_IMPL_METHOD(extern, float)
MINFOLD_IMPL_METHOD(extern, double)
#endif

#endif
