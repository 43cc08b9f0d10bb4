// SPDX-License-Identifier: Apache-2.0
#include "checkpointing.hpp"

#include <minfold/core/require.hpp>
#include <minfold/drivers/archive_records.hpp>
#include <minfold/files/atomic_file.hpp>
#include <minfold/files/checkpoint.hpp>

#include "build_facts.hpp"
#include "commands.hpp"
#include <spdlog/spdlog.h>

#include <filesystem>
#include <utility>

namespace minfold::cli {
namespace {

/// What compiled this: another program may round otherwise.
std::string this_build() {
  return std::string(build_commit) + ", " + __VERSION__ + ", " + build_flags;
}
char const* const build_entry = "build";

void warn_of_another_build(Snapshot const& snapshot, std::string const& file) {
  if (snapshot.entries.count(build_entry) == 0 || snapshot.text(build_entry) == this_build())
    return;
  spdlog::warn(
      "minfold: {} was made by another build ({}; this is {}): results may differ in "
      "rounding",
      file, snapshot.text(build_entry), this_build());
}

/// Between two checkpoints where --every says nothing.
constexpr double seconds_between = 30;

template <class N>
void archive_optional(StateArchive& a, std::string const& name, std::optional<N>& value) {
  bool given = value.has_value();
  a(name + "_given", given);
  if (!given) {
    value.reset();
    return;
  }
  if (!value) value.emplace();
  a(name, *value);
}

void archive(StateArchive& a, SolveRequest& request) {
  auto const in = a.group("request");
  a("problem", request.problem);
  a("method", request.method);
  a("precision", request.precision);
  a("sets", request.sets);
  a("data", request.data);
  // Empty in a folder that is gone by now.
  std::error_code ignored;
  auto elsewhere =
      request.data.empty() ? "" : std::filesystem::absolute(request.data, ignored).string();
  a("data_absolute", elsewhere);
  // From another folder the name that was given means another folder of data.
  if (a.loads() && !request.data.empty() && !std::filesystem::exists(request.data))
    request.data = elsewhere;
  a("seed", request.seed);
  a("every", request.every);
  archive_optional(a, "max_iterations", request.max_iterations);
  archive_optional(a, "tolerance", request.tolerance);
}

void archive(StateArchive& a, Trace& trace) {
  auto const in = a.group("trace");
  a("start_x", trace.start.x);
  a("start_y", trace.start.y);
  a("first_hypergradient", trace.first.hypergradient);
  a("first_upper", trace.first.upper);
  a.rows("iterations", trace.iterations);
  trace.first.x = trace.start.x;
}

}  // namespace

Checkpointing::Checkpointing(SolveRequest const& request, Trace& trace)
    : request_(request), trace_(trace) {
  if (request.resume) {
    auto a = StateArchive::loading(*request.resume);
    archive(a, trace_);
  }
  if (request.checkpoint) require_writable(*request.checkpoint);
}

Checkpoints Checkpointing::policy() {
  Checkpoints policy;
  policy.resume_from = request_.resume.get();
  policy.identity["problem"] = request_.problem;
  if (!request_.checkpoint) return policy;
  policy.every = request_.every;
  if (request_.every == 0) policy.seconds = seconds_between;
  policy.sink = [this](Snapshot snapshot) { write(std::move(snapshot)); };
  return policy;
}

void Checkpointing::write(Snapshot snapshot) {
  auto a = StateArchive::saving(snapshot);
  archive(a, request_);
  auto build = this_build();
  a(build_entry, build);
  // The last record may be of an iteration that failed, which the snapshot is not of.
  auto trace = trace_;
  std::erase_if(trace.iterations,
                [last = snapshot.iteration()](auto const& it) { return it.iteration > last; });
  archive(a, trace);
  try {
    write_checkpoint_file(*request_.checkpoint, snapshot);
    failure_.clear();
  } catch (std::invalid_argument const& error) {
    if (failure_.empty()) spdlog::warn("{}; the solve goes on, and will try again", error.what());
    failure_ = error.what();
  }
}

void Checkpointing::require_written() const {
  if (!failure_.empty()) throw CheckpointNotWritten(failure_);
}

SolveRequest request_of(Snapshot const& snapshot) {
  SolveRequest request;
  auto a = StateArchive::loading(snapshot);
  archive(a, request);
  return request;
}

int run_resume(std::string const& file, SolveRequest const& line) {
  auto const snapshot = std::make_shared<Snapshot const>(read_checkpoint_file(file));
  auto request = request_of(*snapshot);
  if (line.max_iterations) request.max_iterations = line.max_iterations;
  request.json = line.json;
  request.quiet = line.quiet;
  request.checkpoint = file;
  request.resume = snapshot;
  warn_of_another_build(*snapshot, file);
  auto const threads = Kokkos::DefaultExecutionSpace().concurrency();
  if (auto const before = snapshot->integer("run/threads"); before != threads)
    spdlog::warn("minfold: {} was made with {} threads, this is {}: results may differ in rounding",
                 file, before, threads);
  return run_solve(request);
}

}  // namespace minfold::cli
