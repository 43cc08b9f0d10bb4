// SPDX-License-Identifier: Apache-2.0
#include "compare/measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>

namespace minfold::bench {
namespace {

double seconds_of(Contender const& contender) {
  using Clock = std::chrono::steady_clock;
  Space const space;
  space.fence("bench::before");
  auto const start = Clock::now();
  contender.solve();
  space.fence("bench::after");
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The part-quantile, between neighbours by linear interpolation.
double quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  double const place = part * double(values.size() - 1);
  auto const below = std::size_t(place);
  auto const above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - double(below)) * (values[above] - values[below]);
}

void falsify(Answer& a) {
  if (a.basis.size() > 0) a.basis.data()[0] += 0.25;
  if (a.z.size() > 0) a.z.data()[0] += 0.25 * (1 + std::abs(a.z.data()[0]));
}

/// One run, and whether its answer is right.
Measured checked(Problem const& problem, Contender const& contender, Plan const& plan) {
  Measured m;
  m.name = contender.name;
  try {
    m.milliseconds = 1e3 * seconds_of(contender);
    m.answer = contender.answer();
    if (std::find(plan.broken.begin(), plan.broken.end(), m.name) != plan.broken.end())
      falsify(m.answer);
    m.verdict = check(problem, m.answer);
  } catch (std::exception const& error) {
    m.verdict = {1, true, std::string("throws: ") + error.what()};
  }
  m.answer.basis = {};
  m.answer.z = {};
  return m;
}

/// Tells a contender to stop later until its error is at most `error`. What could not get there stays as it was.
void bring_to(Problem const& problem, Contender const& contender, Plan const& plan, double error,
              Measured& m) {
  Measured const before = m;
  double tolerance = cg_tolerance;
  for (int attempt = 0; attempt < 4 && m.verdict.error > error; ++attempt) {
    tolerance *= 0.95 * error / m.verdict.error;
    contender.stop_at(tolerance);
    m = checked(problem, contender, plan);
    m.asked_products = before.answer.products;
    m.asked_error = before.verdict.error;
    if (!m.verdict.wrong && m.verdict.error <= error) return;
    if (m.verdict.wrong) break;
  }
  if (m.verdict.wrong) {
    contender.stop_at(cg_tolerance);
    m = before;
  }
}

/// Equal accuracy of minfold and its peers, in whichever direction it takes.
void level(Problem const& problem, Contenders const& contenders, Plan const& plan,
           std::vector<Measured>& measured) {
  auto& ours = measured[0];
  if (!contenders[0].stop_at || ours.verdict.wrong) return;
  double best = ours.verdict.error;
  for (std::size_t i = 1; i < contenders.size(); ++i)
    if (contenders[i].stop_at && !measured[i].verdict.wrong)
      best = std::min(best, measured[i].verdict.error);
  if (!(best > 0)) return;
  // Minfold first, whose last step may take it beyond the best of the peers.
  bring_to(problem, contenders[0], plan, best, ours);
  for (std::size_t i = 1; i < contenders.size(); ++i)
    if (contenders[i].stop_at && !measured[i].verdict.wrong)
      bring_to(problem, contenders[i], plan, std::max(best, ours.verdict.error), measured[i]);
}

/// Least time by the ceilings / time taken.
double fraction(Work const& work, Ceilings const& ceilings, int items, double seconds) {
  double bytes = work.bytes, bandwidth = read_ceiling(ceilings, work.working_set);
  if constexpr (!std::is_same_v<Space, HostSpace>) {
    // What fits the shared memory of a multiprocessor comes from memory once.
    if (work.working_set < 2e5) bytes = items * work.working_set;
    bandwidth = ceilings.read_memory;
  }
  return std::max(bytes / bandwidth, work.flops / ceilings.fma) / 1e9 / seconds;
}

}  // namespace

bool scales(Case const& c) {
  if constexpr (!std::is_same_v<Space, HostSpace>) return false;
  if (Space().concurrency() < 2) return false;
  for (char const* const name : {"1000x32k4", "200x128k4", "32x512k4"})
    if (c.job == Job::kernel_and_pinv && c.name == name) return true;
  for (char const* const name : {"1000x32r16", "200x128r16", "32x512r16"})
    if (c.job == Job::range_basis && c.name == name) return true;
  return c.job == Job::cg && (c.name == "1000x32c1e2" || c.name == "200x128c1e2");
}

namespace {

/// @pre  OneSpace is an execution space with an instance of one thread. A template, so that it is
///       compiled for such spaces only.
template <class OneSpace>
void measure_threads(Scaling& s, Case const& c, Plan const& plan) {
  Problem const problem = make_problem(c);
  s.threads = OneSpace().concurrency();
  // Two instances: the threads of the second wait in the pool while the first works.
  Contender const one = minfold_contender(problem, OneSpace(1)), all = minfold_contender(problem);
  double slowest = 0;
  for (auto const* contender : {&all, &one}) {
    Measured const m = checked(problem, *contender, plan);
    if (m.verdict.wrong) s.verdict = m.verdict;
    slowest = m.milliseconds;
  }
  if (s.verdict.wrong) return;
  s.rounds =
      plan.rounds > 0 ? plan.rounds : std::clamp(int(500 * plan.seconds / (1.5 * slowest)), 5, 101);
  std::vector<double> ones, alls, ratios;
  for (int round = 0; round < s.rounds; ++round) {
    ones.push_back(seconds_of(one));
    alls.push_back(seconds_of(all));
    ratios.push_back(ones.back() / alls.back());
  }
  s.one = 1e3 * quantile(ones, 0.5);
  s.all = 1e3 * quantile(alls, 0.5);
  s.speedup = quantile(ratios, 0.5);
  s.low = quantile(ratios, 0.25);
  s.high = quantile(ratios, 0.75);
}

/// Whether Execution is OpenMP, whose instances take a number of threads.
template <class Execution>
constexpr bool has_threads =
#if defined(KOKKOS_ENABLE_OPENMP)
    std::is_same_v<Execution, Kokkos::OpenMP>;
#else
    false;
#endif

}  // namespace

Scaling measure_scaling(Case const& c, Plan const& plan) {
  Scaling s;
  s.what = c;
  [&]<class Execution>(Execution const&) {
    if constexpr (has_threads<Execution>) measure_threads<Execution>(s, c, plan);
  }(Space());
  return s;
}

Row measure(Case const& c, Plan const& plan, Ceilings const& ceilings) {
  Problem const problem = make_problem(c);
  Contenders contenders = {minfold_contender(problem)};
  add_single_solves(problem, contenders);
  add_plain_cg(problem, contenders);
  add_informed_kernels(problem, contenders);
  if constexpr (std::is_same_v<Space, HostSpace>) {
    add_lapack_peers(problem, contenders);
    add_krylov_peers(problem, contenders);
    add_eigen_peers(problem, contenders);
  }
  add_kokkos_kernels_peers(problem, contenders);
  add_cuda_peers(problem, contenders);

  std::vector<Measured> measured;
  for (auto const& contender : contenders) measured.push_back(checked(problem, contender, plan));
  level(problem, contenders, plan, measured);

  // Peers get an equal share of the time each; the slow ones are in the first rounds only.
  int longest = 0;
  for (auto& m : measured) {
    double const share = plan.seconds / double(contenders.size());
    m.rounds = plan.rounds > 0 ? plan.rounds : std::clamp(int(1e3 * share / m.milliseconds), 3, 41);
    if (m.verdict.wrong || measured[0].verdict.wrong) m.rounds = 0;
    longest = std::max(longest, m.rounds);
  }
  if (!measured[0].verdict.wrong) measured[0].rounds = longest;
  std::vector<std::vector<double>> times(contenders.size()), ratios(contenders.size());
  // Where minfold takes seconds the run that was checked is as good as any, and is the first round.
  bool const slow = plan.rounds == 0 && measured[0].milliseconds > 3000;
  for (std::size_t i = 0; slow && i < contenders.size(); ++i)
    if (measured[i].rounds > 0) {
      times[i].push_back(1e-3 * measured[i].milliseconds);
      ratios[i].push_back(times[i].back() / times[0].back());
    }
  for (int round = slow; round < longest; ++round)
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      if (round >= measured[i].rounds) continue;
      times[i].push_back(seconds_of(contenders[i]));
      ratios[i].push_back(times[i].back() / times[0].back());
    }
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    auto& m = measured[i];
    if (m.rounds == 0) continue;
    m.milliseconds = 1e3 * quantile(times[i], 0.5);
    m.ratio = quantile(ratios[i], 0.5);
    m.ratio_low = quantile(ratios[i], 0.25);
    m.ratio_high = quantile(ratios[i], 0.75);
  }

  Row row{c, measured[0], 0, {measured.begin() + 1, measured.end()}};
  Work const work = least_work(problem, row.minfold.answer);
  double const seconds = 1e-3 * row.minfold.milliseconds;
  if (c.job == Job::matrix_free_kernel)
    // Bound by its products: the share of the last run that they take.
    row.ceiling_fraction =
        times[0].empty() ? 0 : contenders[0].answer().product_seconds / times[0].back();
  else
    row.ceiling_fraction = fraction(work, ceilings, c.shape.items, seconds);
  return row;
}

}  // namespace minfold::bench
