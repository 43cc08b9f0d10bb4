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

/// What a run chooses besides the settings goes into the options; the run holds what is in force then.
template <class Options>
void choose(Options& options, NamedRun& run) {
  using T = decltype(options.tolerance);
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
}

/// HG-MS has a loop of its own.
bool is_hgms(NamedRun const& run) {
  return !find_method(run.method).make_double;
}

template <class T>
HgmsOptions<T> hgms_options(NamedRun& run, Settings& settings) {
  auto options = HgmsOptions<T>::from(settings);
  choose(options, run);
  return options;
}

template <class T>
struct MethodRun {
  std::unique_ptr<Method<T, Space>> method;
  RunOptions<T> options;
};

template <class T>
MethodRun<T> make_run(NamedRun& run, Settings& settings) {
  settings.prefer("sampling-seed", std::to_string(run.seed % 2147483648u));  // the key is an int
  MethodRun<T> made{make<T>(find_method(run.method), settings), {}};
  choose(made.options, run);
  made.options.assess = settings.flag("assess", run.assess, "certify the end by HG-MS");
  return made;
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

template <class T>
void ask_settings(NamedRun& run, Settings& settings) {
  if (is_hgms(run))
    hgms_options<T>(run, settings);
  else
    make_run<T>(run, settings);
}

template void ask_settings<double>(NamedRun&, Settings&);
template void ask_settings<float>(NamedRun&, Settings&);

template <class T>
SolveResult minimize(Space const& space, AnyProblem<T, Space> const& problem,
                     BilevelState<T, Space>& state, NamedRun& run, Settings& settings,
                     Observer const& observer, Checkpoints const& checkpoints) {
  if (is_hgms(run)) {
    auto const options = hgms_options<T>(run, settings);
    settings.refuse_unknown();
    return minimize_hgms<T, Space>(space, problem, state, options, observer,
                                   identified(checkpoints, run, settings));
  }
  auto [method, options] = make_run<T>(run, settings);
  options.record_every = run.record_every;
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
