// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/baselines/aid_cg.hpp>
#include <minfold/drivers/baselines/bome.hpp>
#include <minfold/drivers/baselines/f2sa.hpp>
#include <minfold/drivers/baselines/g_pbgd.hpp>
#include <minfold/drivers/baselines/galet.hpp>
#include <minfold/drivers/baselines/iaptt.hpp>
#include <minfold/drivers/baselines/pbgd_free.hpp>
#include <minfold/drivers/baselines/pzobo.hpp>
#include <minfold/drivers/baselines/soba.hpp>
#include <minfold/drivers/baselines/stocbio.hpp>
#include <minfold/drivers/baselines/v_pbgd.hpp>
#include <minfold/drivers/hgms_minibatch.hpp>
#include <minfold/drivers/impl/edit_distance.hpp>
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/drivers/pbgd.hpp>
#include <minfold/drivers/qcqp.hpp>
#include <minfold/drivers/qp_flow.hpp>
#include <minfold/drivers/rxgf.hpp>
#include <minfold/drivers/sgf.hpp>
#include <minfold/drivers/superquantile.hpp>

#include <algorithm>
#include <cmath>

namespace minfold {
namespace {

using Space = Kokkos::DefaultExecutionSpace;

/// An entry for a method with an options struct that reads settings.
template <template <class, class> class M, template <class> class Options>
MethodEntry entry(std::string name, std::string summary) {
  return {std::move(name), std::move(summary),
          [](Settings& s) -> std::unique_ptr<Method<double, Space>> {
            return std::make_unique<M<double, Space>>(Options<double>::from(s));
          },
          [](Settings& s) -> std::unique_ptr<Method<float, Space>> {
            return std::make_unique<M<float, Space>>(Options<float>::from(s));
          }};
}

template <class T>
std::unique_ptr<Method<T, Space>> make(MethodEntry const& e, Settings& settings) {
  if constexpr (std::is_same_v<T, float>)
    return e.make_float(settings);
  else
    return e.make_double(settings);
}

bool ask_assess(Settings& settings, bool fallback) {
  return settings.flag("assess", fallback, "certify the end by HG-MS");
}

/// The end of a method is judged with what the problem prefers for HG-MS, whatever the method has been
/// told: methods use keys of the same names for other things.
template <class T>
HgmsOptions<T> certifier(NamedRun const& run, Settings const& settings) {
  auto preferences = settings.preferences();
  auto options = HgmsOptions<T>::from(preferences);
  options.seed = run.seed;
  return options;
}

/// Snapshots say which method and which settings they belong to.
Checkpoints identified(Checkpoints checkpoints, NamedRun const& run, Settings const& settings) {
  checkpoints.identity["method"] = run.method;
  for (auto const& [key, entry] : settings.known())
    checkpoints.identity["setting " + key] = entry.value;
  checkpoints.identity["record_every"] = std::to_string(run.record_every);
  return checkpoints;
}

}  // namespace

std::vector<MethodEntry> const& methods() {
  static std::vector<MethodEntry> const entries = {
      {"hgms", "select, then differentiate: certified hypergradients of F", {}, {}},
      entry<HgmsMinibatch, HgmsMinibatchOptions>(
          "hgms-minibatch", "select, then differentiate, from samples of the data of g"),
      entry<Pbgd, PbgdOptions>("pbgd", "descent on f + gamma (g - g*), jointly or y first"),
      entry<QpFlow, QpFlowOptions>("qp-flow",
                                   "a quadratic program a step keeps |grad_y g|^2 small"),
      entry<Rxgf, RxgfOptions>("rxgf", "the relaxed gradient flow: |grad_y g| below eps"),
      entry<Sgf, SgfOptions>("sgf", "the safe gradient flow: grad_y g falls exponentially"),
      entry<Qcqp, QcqpOptions>("qcqp", "a quadratically constrained program a step"),
      entry<Superquantile, SuperquantileOptions>(
          "superquantile", "the tail of f under the Gibbs measure of g, from values"),
      entry<AidCg, AidCgOptions>("aid-cg", "implicit differentiation at what descent on g reaches"),
      entry<Bome, BomeOptions>("bome", "f descends while g - g(y_T) falls at a given rate"),
      entry<VPbgd, VPbgdOptions>("v-pbgd", "penalty gamma (g - g*), g* tracked by descent"),
      entry<GPbgd, GPbgdOptions>("g-pbgd", "penalty gamma/2 |grad_y g|^2"),
      entry<F2sa, F2saOptions>("f2sa", "penalty with a growing multiplier, first order only"),
      entry<Stocbio, StocbioOptions>("stocbio", "implicit differentiation by a Neumann series"),
      entry<Soba, SobaOptions>("soba", "one step of y, of the adjoint and of x at once"),
      entry<Galet, GaletOptions>("galet", "implicit differentiation by least squares in H"),
      entry<Iaptt, IapttOptions>("iaptt", "differentiates descent on g, whose start is learned"),
      entry<Pzobo, PzoboOptions>("pzobo",
                                 "runs descent on g again beside x, no second derivatives"),
      entry<PbgdFree, PbgdFreeOptions>("pbgd-free", "penalty in y only: x follows grad_x f"),
  };
  return entries;
}

MethodEntry const& find_method(std::string const& name) {
  auto const& all = methods();
  auto const found =
      std::find_if(all.begin(), all.end(), [&](MethodEntry const& e) { return e.name == name; });
  if (found != all.end()) return *found;
  auto const nearest =
      std::min_element(all.begin(), all.end(), [&](MethodEntry const& a, MethodEntry const& b) {
        return impl::edit_distance(a.name, name) < impl::edit_distance(b.name, name);
      });
  MINFOLD_REQUIRE(false, "there is no method ", name, "; did you mean ", nearest->name, "?");
  return *nearest;
}

void ask_settings(std::string const& method, Settings& settings) {
  auto const& chosen = find_method(method);
  if (!chosen.make_double) {
    HgmsOptions<double>::from(settings);
    return;
  }
  chosen.make_double(settings);
  ask_assess(settings, true);
}

template <class T>
SolveResult minimize(Space const& space, AnyProblem<T, Space> const& problem,
                     BilevelState<T, Space>& state, NamedRun& run, Settings& settings,
                     Observer const& observer, Checkpoints const& checkpoints) {
  auto const& chosen = find_method(run.method);
  auto const apply = [&](auto& options) {
    options.seed = run.seed;
    if (run.max_iterations) options.max_iterations = *run.max_iterations;
    if (run.tolerance) {
      options.tolerance = T(*run.tolerance);
      // Zero, never to stop, must have been meant.
      MINFOLD_REQUIRE(
          (options.tolerance > T(0) || *run.tolerance == 0) && std::isfinite(options.tolerance),
          "--tolerance ", *run.tolerance, ": not a number in this precision");
    }
    run.max_iterations = options.max_iterations;
    run.tolerance = double(options.tolerance);
  };
  if (!chosen.make_double) {
    auto options = HgmsOptions<T>::from(settings);
    apply(options);
    settings.refuse_unknown();
    return minimize_hgms<T, Space>(space, problem, state, options, observer,
                                   identified(checkpoints, run, settings));
  }
  settings.prefer("sampling-seed", std::to_string(run.seed % 2147483648u));  // the key is an int
  auto const method = make<T>(chosen, settings);
  RunOptions<T> options;
  apply(options);
  options.record_every = run.record_every;
  options.assess = ask_assess(settings, run.assess);
  options.certify = certifier<T>(run, settings);
  settings.refuse_unknown();
  return run_method<T, Space>(space, problem, state, *method, options, observer,
                              identified(checkpoints, run, settings));
}

template SolveResult minimize(Space const&, AnyProblem<double, Space> const&,
                              BilevelState<double, Space>&, NamedRun&, Settings&, Observer const&,
                              Checkpoints const&);
template SolveResult minimize(Space const&, AnyProblem<float, Space> const&,
                              BilevelState<float, Space>&, NamedRun&, Settings&, Observer const&,
                              Checkpoints const&);

}  // namespace minfold
