// SPDX-License-Identifier: Apache-2.0
#include "solve.hpp"

#include <minfold/core/require.hpp>
#include <minfold/files/atomic_file.hpp>

#include "build_facts.hpp"
#include "checkpointing.hpp"
#include "commands.hpp"
#include "output_names.hpp"
#include "progress.hpp"
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace minfold::cli {
namespace {

std::sig_atomic_t volatile interrupted = 0;

/// Whichever of them comes second ends the process, as if nothing had been made of it.
void note_signal(int number) {
  if (interrupted) {
    std::signal(number, SIG_DFL);
    raise(number);  // delivered once this returns
  }
  interrupted = number;
}

/// While this lives the first SIGINT, SIGTERM or SIGHUP only raises a flag; the second one ends the process.
/// A process that was told to survive a hangup (nohup) does.
class Interrupts {
 public:
  Interrupts() {
    struct sigaction action{};
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, &before_[0]);
    sigaction(SIGTERM, &action, &before_[1]);
    sigaction(SIGHUP, &action, &before_[2]);
    if (before_[2].sa_handler == SIG_IGN) sigaction(SIGHUP, &before_[2], nullptr);
  }
  ~Interrupts() {
    sigaction(SIGINT, &before_[0], nullptr);
    sigaction(SIGTERM, &before_[1], nullptr);
    sigaction(SIGHUP, &before_[2], nullptr);
  }
  Interrupts(Interrupts const&) = delete;
  Interrupts& operator=(Interrupts const&) = delete;

 private:
  struct sigaction before_[3];
};

using Space = Kokkos::DefaultExecutionSpace;

template <class T>
std::vector<double> host_copy(Space const& space, Vectors<T, Space> const& view) {
  auto const host = to_host(space, view);
  return {host.data(), host.data() + host.size()};
}

template <class T>
NamedProblem<T> make(CatalogEntry const& entry, Settings& settings, ProblemContext const& context) {
  if constexpr (std::is_same_v<T, float>)
    return entry.make_float(settings, context);
  else
    return entry.make_double(settings, context);
}

template <class T>
SolveResult observe(Space const& space, NamedProblem<T> const& named, NamedRun& run,
                    Settings& settings, SolveRequest const& request, Trace& trace,
                    Checkpoints const& checkpoints) {
  auto const& problem = *named.problem;
  BilevelState<T, Space> state(space, problem);
  auto const start = Kokkos::create_mirror_view(state.x);
  MINFOLD_REQUIRE(named.start.size() == start.size(), "problem ", request.problem,
                  ": its start has ", named.start.size(), " numbers, expected ", start.size());
  std::transform(named.start.begin(), named.start.end(), start.data(),
                 [](double v) { return T(v); });
  Kokkos::deep_copy(space, state.x, start);
  space.fence("minfold::cli::solve: host copy goes out of scope");

  std::optional<Progress> progress;
  Interrupts const interrupts;
  auto const observer = [&](Iteration const& it) {
    if (!progress) progress.emplace(request.problem, *run.max_iterations, request.quiet);
    if (trace.iterations.empty()) {
      trace.first = {host_copy(space, state.x), host_copy(space, state.hypergradient), it.upper};
      trace.start = {trace.first.x, host_copy(space, state.y)};
    }
    trace.iterations.push_back(it);
    progress->update(it);
    return !interrupted;
  };
  auto const result = minimize<T>(space, problem, state, run, settings, observer, checkpoints);
  if (progress) progress->finish();
  trace.last = {host_copy(space, state.x), host_copy(space, state.hypergradient),
                result.assessment ? result.assessment->upper : result.last.upper};
  trace.certificates = state.certificates;
  trace.end = {trace.last.x, host_copy(space, state.y)};
  return result;
}

/// Iterations worth keeping: some thousand, whatever the number of steps.
int record_every(SolveRequest const& request) {
  // More iterations than at first do not make other ones worth keeping.
  if (request.resume) return std::stoi(request.resume->text("identity/record_every"));
  return std::max(1, request.max_iterations.value_or(1) / 2000);
}

template <class T>
void solve_in(SolveRequest const& request, SolveReport& report) {
  Space const space;
  Settings settings(request.sets);
  auto const named = make<T>(find_problem(request.problem), settings, {request.seed, request.data});
  auto run = named_run(request);
  run.record_every = record_every(request);

  report.problem = request.problem;
  report.method = request.method;
  report.backend = Space::name();
  report.threads = Kokkos::DefaultHostExecutionSpace().concurrency();
  report.precision = request.precision;
  report.seed = request.seed;
  report.build = build_json();

  Trace trace;
  Checkpointing checkpoints(request, trace);
  report.result = observe(space, named, run, settings, request, trace, checkpoints.policy());
  report.options = options_json(settings);
  report.options["max_iterations"] = *run.max_iterations;
  report.options["tolerance"] = *run.tolerance;
  report.options["data"] = nullptr;
  if (!request.data.empty()) report.options["data"] = request.data;
  report.x = trace.last.x;
  bool const usable = !trace.iterations.empty() && report.result.outcome != SolveOutcome::failed;
  if (usable && named.metrics) report.metrics = named.metrics(trace.start, trace.end);
  if (usable && named.truth) {
    report.truth = compare_with_truth(named, trace.first, trace.last);
    // Other methods have no hypergradient at x_0: what is compared is that of the assessment.
    if (report.method != "hgms") report.truth->gradient_error = Iteration::unknown;
  }
  report.iterations = std::move(trace.iterations);
  report.certificates = std::move(trace.certificates);
  checkpoints.require_written();
}

}  // namespace

NamedRun named_run(SolveRequest const& request) {
  NamedRun run;
  run.method = request.method;
  run.seed = request.seed;
  run.max_iterations = request.max_iterations;
  run.tolerance = request.tolerance;
  return run;
}

void solve(SolveRequest const& request, SolveReport& report) {
  if (request.precision == "float")
    solve_in<float>(request, report);
  else
    solve_in<double>(request, report);
}

SolveReport solve(SolveRequest const& request) {
  SolveReport report;
  solve(request, report);
  return report;
}

int interrupted_status(SolveReport const& report) {
  return interrupted && report.result.outcome == SolveOutcome::stopped ? 128 + int(interrupted) : 0;
}

int run_solve(SolveRequest const& request) {
  MINFOLD_REQUIRE(request.every == 0 || request.checkpoint,
                  "--every says how often --checkpoint is written, and no file is named for that");
  auto const json = request.json.value_or("");
  require_two_files("--json", json, request.resume ? "FILE" : "--checkpoint",
                    request.checkpoint.value_or(""));
  require_two_files("--json", json, "--config", request.config);
  require_two_files("--checkpoint", request.checkpoint.value_or(""), "--config", request.config);
  if (request.json) require_writable(*request.json);
  SolveReport report;
  std::exception_ptr unwritten;
  try {
    solve(request, report);
  } catch (CheckpointNotWritten const&) {
    unwritten = std::current_exception();
  }
  // First: a disk that is full by now must not take the result with it.
  std::fputs(summary(report, request.quiet).c_str(), stdout);
  std::fflush(stdout);
  if (request.json)
    // A problem's texts may hold names of files, which need not be UTF-8.
    write_whole_file(
        *request.json,
        report_json(report).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  if (unwritten) std::rethrow_exception(unwritten);
  if (int const status = interrupted_status(report)) return status;
  return report.result.solved() ? 0 : 1;
}

}  // namespace minfold::cli
