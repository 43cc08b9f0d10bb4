// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/core/version.hpp>
#include <minfold/drivers/impl/checkpoint_keeper.hpp>

#include <cmath>
#include <cstring>
#include <utility>

namespace minfold::impl {
namespace {

template <class N>
bool all_finite_as(SnapshotEntry const& entry) {
  for (std::size_t at = 0; at < entry.data.size(); at += sizeof(N)) {
    N number;
    std::memcpy(&number, entry.data.data() + at, sizeof(N));
    if (!std::isfinite(number)) return false;
  }
  return true;
}

/// Single numbers do not count: NaN and infinity are how some say that they are not known.
bool all_finite(SnapshotEntry const& entry) {
  if (entry.shape.empty()) return true;
  if (entry.type == SnapshotType::float64) return all_finite_as<double>(entry);
  if (entry.type == SnapshotType::float32) return all_finite_as<float>(entry);
  return true;
}

}  // namespace

CheckpointKeeper::CheckpointKeeper(Checkpoints const& policy,
                                   std::map<std::string, std::string> const& run, int threads)
    : policy_(policy), identity_(policy.identity), threads_(threads) {
  MINFOLD_REQUIRE(policy.every >= 0, "checkpoints: every is ", policy.every,
                  ", must not be negative");
  identity_.insert(run.begin(), run.end());
  identity_["version"] = version;
}

int CheckpointKeeper::load(std::function<void(StateArchive&)> const& visit) const {
  auto const& from = *policy_.resume_from;
  for (auto const& [name, value] : identity_) {
    auto const found = from.entries.find("identity/" + name);
    MINFOLD_REQUIRE(found != from.entries.end(), "resume: the checkpoint does not say its ", name,
                    ", which is ", value, " in this run");
    auto const stored = from.text("identity/" + name);
    MINFOLD_REQUIRE(stored == value, "resume: the ", name, " of the checkpoint is ", stored,
                    ", that of this run is ", value);
  }
  int const iteration = from.iteration();
  MINFOLD_REQUIRE(iteration >= 0, "resume: the checkpoint is of iteration ", iteration);
  auto archive = StateArchive::loading(from);
  visit(archive);
  return iteration;
}

void CheckpointKeeper::completed(int iteration, std::function<void(StateArchive&)> const& visit,
                                 std::vector<std::string> const& finite) {
  if (!policy_.sink) return;
  // Apart: a snapshot that is half written must not be the last one.
  Snapshot next;
  auto archive = StateArchive::saving(next);
  archive("run/iteration", iteration);
  archive("run/threads", threads_);
  {
    auto const in = archive.group("identity");
    for (auto& [name, value] : identity_) archive(name, value);
  }
  visit(archive);
  for (auto const& prefix : finite)
    for (auto const& [name, entry] : next.entries)
      if (name.starts_with(prefix) && !all_finite(entry)) return;
  last_ = std::move(next);
  fresh_ = true;
  bool const by_count = policy_.every > 0 && iteration % policy_.every == 0;
  bool const by_time = policy_.seconds > 0 && since_.seconds() >= policy_.seconds;
  if (by_count || by_time) deliver();
}

void CheckpointKeeper::deliver() {
  if (!policy_.sink || !fresh_) return;
  fresh_ = false;
  policy_.sink(std::move(last_));
  since_.reset();
}

void CheckpointKeeper::deliver_quietly() noexcept {
  try {
    deliver();
  } catch (...) {
  }
}

}  // namespace minfold::impl
