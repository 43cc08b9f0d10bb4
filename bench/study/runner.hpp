// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_STUDY_RUNNER_HPP
#define MINFOLD_STUDY_RUNNER_HPP

#include "study/run_spec.hpp"

#include <string>
#include <vector>

namespace minfold::study {

/// Runs specs, each once: what is finished lies in a file of its own, named by a hash of study, problem,
/// method, options, seeds, budgets, version, backend and threads, and written whole or not at all. A run
/// of another commit is not taken for this one's, unless `reuse` says that nothing that matters has changed.
class Runner {
 public:
  struct Options {
    std::string runs_directory;
    bool reuse = false;
    bool quiet = false;
  };
  explicit Runner(Options options);

  /// The result, from its file where it is finished. Throws Interrupted.
  Json run(RunSpec const& spec);
  /// The same, and keeps it for the report under `tags`.
  Json run(RunSpec const& spec, Json tags);

  /// Whether this build has them. Where not, the report says so.
  bool has_method(std::string const& name);
  bool has_problem(std::string const& name);
  /// A sentence for the report.
  void note(std::string const& sentence);

  /// Begins a study: what has been kept is forgotten.
  void begin();
  /// What the report is made of: {schema, study, quick, machine, notes, runs: [{tags, file}]}.
  Json index(std::string const& study, bool quick) const;

  int executed() const { return executed_; }
  int reused() const { return reused_; }

 private:
  std::string path_of(std::string const& key) const;

  Options options_;
  Json machine_;
  std::string commit_;
  std::vector<std::string> notes_;
  Json kept_ = Json::array();
  int executed_ = 0, reused_ = 0;
};

/// Reads a finished run and does it again: whether all but the clock is the same, bit for bit.
/// Prints the first difference.
bool replay(std::string const& path);

}  // namespace minfold::study

#endif
