// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_CHECKPOINT_KEEPER_HPP
#define MINFOLD_DRIVERS_IMPL_CHECKPOINT_KEEPER_HPP

#include <minfold/drivers/checkpoints.hpp>
#include <minfold/drivers/problem.hpp>
#include <minfold/drivers/state_archive.hpp>

#include <functional>
#include <string>
#include <type_traits>
#include <vector>

namespace minfold::impl {

/// The snapshots of one run: the last one, and when the sink gets it.
class CheckpointKeeper {
 public:
  CheckpointKeeper(Checkpoints const& policy, std::map<std::string, std::string> const& run,
                   int threads);

  bool resumes() const { return policy_.resume_from != nullptr; }
  /// Checks that the snapshot belongs to this run, and gives its iteration.
  int load(std::function<void(StateArchive&)> const& visit) const;

  /// After an iteration that was well. Tells the sink if it is due. A state is not kept that has an array of
  /// floating-point numbers under a name that begins with one of `finite` and is not all finite: to go on from
  /// it would lead nowhere, and the one before it is still good.
  void completed(int iteration, std::function<void(StateArchive&)> const& visit,
                 std::vector<std::string> const& finite = {});

  /// Runs the loop. Whatever way it ends, the sink has the last snapshot then.
  template <class Loop>
  auto guard(Loop const& loop) {
    try {
      auto result = loop();
      deliver();
      return result;
    } catch (...) {
      deliver_quietly();
      throw;
    }
  }

 private:
  void deliver();
  /// What is thrown already is the reason of the end.
  void deliver_quietly() noexcept;

  Checkpoints policy_;
  std::map<std::string, std::string> identity_;
  int threads_;
  Snapshot last_;
  bool fresh_ = false;  ///< last_ is there, and the sink has not had it
  Kokkos::Timer since_;
};

/// What every run is known by.
template <class T, ExecutionSpace E>
std::map<std::string, std::string> run_identity(AnyProblem<T, E> const& problem,
                                                std::uint64_t seed) {
  return {{"precision", std::is_same_v<T, float> ? "float" : "double"},
          {"backend", E::name()},
          {"seed", std::to_string(seed)},
          {"number of targets", std::to_string(problem.batch_size())},
          {"number of rows of x", std::to_string(problem.upper_rows())},
          {"dimension of x", std::to_string(problem.dim_x())},
          {"dimension of y", std::to_string(problem.dim_y())}};
}

}  // namespace minfold::impl

#endif
