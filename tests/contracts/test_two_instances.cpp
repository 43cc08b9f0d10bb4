// SPDX-License-Identifier: Apache-2.0
// Two host threads work at the same time on two parts of the machine, each with an instance of its own.
#include <minfold/core/workspace.hpp>
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/hgms.hpp>

#include "all_work.hpp"
#include "instances.hpp"
#include "openmp_regions.hpp"
#include <catch2/catch_test_macros.hpp>

#if defined(KOKKOS_ENABLE_OPENMP)
#include <omp.h>
#endif

#include <array>
#include <atomic>
#include <barrier>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace minfold;
using namespace minfold::test;

namespace {

/// S(x) is the circle of radius x; f asks for the point of it that is nearest to (3, 4).
struct Ring {
  KOKKOS_FUNCTION int batch_size() const { return 2; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const& x, Y const& y) const {
    auto const s = y(0) * y(0) + y(1) * y(1) - x(0) * x(0);
    return 0.25 * s * s;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    auto const a = y(0) - 3.0, b = y(1) - 4.0;
    return 0.5 * (a * a + b * b) + 0.5 * x(0) * x(0);
  }
};

/// What one host thread did.
struct Deeds {
  std::map<std::uint32_t, std::multiset<std::string>> launches, fences;  ///< by device id
  std::map<unsigned, std::multiset<std::string>> regions;                ///< by number of threads
  std::set<long> workers;
};

/// From its making on, until it goes: the deeds of each host thread, and how often launches of one follow
/// those of another.
class Ledger {
 public:
  Ledger() : before_(Kokkos::Tools::Experimental::get_callbacks()) {
    using namespace Kokkos::Tools::Experimental;
    deeds.clear();
    turns = 0;
    set_begin_parallel_for_callback(on_kernel);
    set_begin_parallel_reduce_callback(on_kernel);
    set_begin_parallel_scan_callback(on_kernel);
    set_begin_fence_callback(on_fence);
    RegionListener::current = &listener_;
  }
  ~Ledger() {
    RegionListener::current = nullptr;
    Kokkos::Tools::Experimental::set_callbacks(before_);
  }
  Ledger(Ledger const&) = delete;
  Ledger& operator=(Ledger const&) = delete;

  inline static std::map<std::thread::id, Deeds> deeds;
  inline static int turns = 0;

 private:
  inline static std::mutex mutex_;
  inline static std::thread::id last_;
  inline static thread_local std::string kernel_;
  Kokkos::Tools::Experimental::EventSet before_;

  static void on_kernel(char const* name, std::uint32_t device, std::uint64_t* id) {
    *id = 0;
    kernel_ = name;
    std::lock_guard const lock(mutex_);
    auto const self = std::this_thread::get_id();
    deeds[self].launches[device].insert(name);
    turns += last_ != self;
    last_ = self;
  }
  static void on_fence(char const* name, std::uint32_t device, std::uint64_t* id) {
    *id = 0;
    std::string const text = name;
    // Those of Kokkos itself: for this tool, and before memory is freed, where it names no instance.
    for (char const* const part : {"Kokkos Profile Tool Fence", "before free", "deallocate"})
      if (text.find(part) != std::string::npos) return;
    std::lock_guard const lock(mutex_);
    deeds[std::this_thread::get_id()].fences[device].insert(text);
  }
  static void began(unsigned threads) {
    std::lock_guard const lock(mutex_);
    deeds[std::this_thread::get_id()].regions[threads].insert(kernel_);
  }
  static void worked(std::thread::id beginner) {
    std::lock_guard const lock(mutex_);
    // Not the id: the system gives that of a thread that has ended to another one.
    static std::atomic<long> begun = 0;
    thread_local long const number = begun++;
    deeds[beginner].workers.insert(number);
  }
  inline static RegionListener const listener_{began, worked};
};

/// The test's own Views are filled on the default instance.
bool by_the_test(std::string const& name) {
  return name.find("[test::") != std::string::npos;
}

/// Two parts of a space, of two sizes, neither that of the default instance: on OpenMP the size is what tells
/// which instance a kernel was given.
std::array<Space, 2> parts() {
#if defined(KOKKOS_ENABLE_OPENMP)
  if constexpr (std::is_same_v<Space, Kokkos::OpenMP>) {
    // Kokkos gives copies of the default instance where OpenMP allows one level of parallel regions only, as
    // it does unless it is told.
    int const levels = omp_get_max_active_levels();
    omp_set_max_active_levels(2);
    int const smaller = Space().concurrency() + 1;
    auto const halves =
        Kokkos::Experimental::partition_space(Space(3 * smaller), std::vector<int>{1, 2});
    omp_set_max_active_levels(levels);
    return {halves[0], halves[1]};
  }
#endif
  auto const halves = Kokkos::Experimental::partition_space(Space(), std::vector<int>{1, 1});
  return {halves[0], halves[1]};
}

struct Answer {
  std::map<std::string, std::uint64_t> hashes;
  std::vector<double> x, y;
  bool operator==(Answer const&) const = default;
};

/// All kernels and a solve by HG-MS, in double and float; the views and copies of the test itself are made
/// before and after, by one thread.
class Task {
 public:
  explicit Task(int number)
      : double_(4 + number, 12 + 20 * number), float_(3, 20 - number), state_(Space(), problem_) {
    Kokkos::deep_copy(state_.x, 1.0 + number);
  }

  void run(Space const& space, Fingerprint& print) {
    Workspace<Space> workspace(space);
    auto const in_use = workspace.use();
    run_every_kernel(space, double_, print);
    run_every_kernel(space, float_, print);
    minimize_hgms(space, problem_, state_, {.max_iterations = 4}, [](auto const&) { return true; });
    space.fence("minfold::test");
  }
  Answer answer(Fingerprint const& print) const {
    Answer a{print.hashes(), {}, {}};
    auto const x = on_host(state_.x), y = on_host(state_.y);
    a.x.assign(x.data(), x.data() + x.size());
    a.y.assign(y.data(), y.data() + y.size());
    return a;
  }

 private:
  WorkOf<double> double_;
  WorkOf<float> float_;
  FunctorProblem<Ring, double> problem_{Ring{}};
  BilevelState<double, Space> state_;
};

/// Both at once, each in a host thread of its own, from a common start.
std::array<std::thread::id, 2> run_together(std::array<Task*, 2> const& tasks,
                                            std::array<Space, 2> const& spaces,
                                            std::array<Fingerprint, 2>& prints) {
  std::array<std::thread::id, 2> ids;
  std::array<std::exception_ptr, 2> errors;
  std::barrier start(2);
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&, i] {
      ids[i] = std::this_thread::get_id();
      start.arrive_and_wait();
      try {
        tasks[i]->run(spaces[i], prints[i]);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    });
  for (auto& thread : threads) thread.join();
  for (auto const& error : errors)
    if (error) std::rethrow_exception(error);
  return ids;
}

}  // namespace

// What the id says: on devices each instance has one of its own, so that a kernel on another one shows. All
// OpenMP instances of Kokkos have one id; what shows there is the number of threads of a region, and the threads
// that work in it. Those belong to the host thread that begins it (libgomp keeps a pool for each), so that the
// two parts share none whatever instance a kernel is given; it is the number that would betray it.
TEST_CASE("two parts of a space work at the same time, each with its own and to the same bits") {
  auto const spaces = parts();
  std::vector<Answer> alone;
  for (int i = 0; i < 2; ++i) {
    Task task(i);
    Fingerprint print;
    task.run(spaces[i], print);
    alone.push_back(task.answer(print));
  }
  CHECK(alone[0].hashes != alone[1].hashes);

  Task first(0), second(1);
  std::array<Task*, 2> const tasks{&first, &second};
  std::array<Fingerprint, 2> prints;
  run_together(tasks, spaces, prints);
  for (int i = 0; i < 2; ++i) {
    CAPTURE(i);
    CHECK(tasks[i]->answer(prints[i]) == alone[i]);
  }

  // Once more, watched, and without the copies to the host by which the test looks at results.
  std::array<Fingerprint, 2> ignored{Fingerprint(Fingerprint::Look::no),
                                     Fingerprint(Fingerprint::Look::no)};
  std::array<std::thread::id, 2> ids;
  {
    Ledger const ledger;
    ids = run_together(tasks, spaces, ignored);
  }
  CHECK(Ledger::turns > 20);
  // Nobody but the two has begun anything.
  CHECK(Ledger::deeds.size() == 2);
  for (int i = 0; i < 2; ++i) {
    CAPTURE(i, spaces[i].concurrency());
    Deeds const& did = Ledger::deeds.at(ids[i]);
    auto const own = id_of(spaces[i]);
    CHECK(did.launches.at(own).size() > 200);
    for (auto const* const events : {&did.launches, &did.fences})
      for (auto const& [device, names] : *events)
        for (auto const& name : names) {
          CAPTURE(name, device);
          CHECK((device == own || by_the_test(name)));
        }
#if defined(MINFOLD_TEST_SEES_REGIONS)
    CHECK(did.regions.at(unsigned(spaces[i].concurrency())).size() > 200);
    for (auto const& [threads, names] : did.regions)
      for (auto const& name : names) {
        CAPTURE(name, threads);
        CHECK((int(threads) == spaces[i].concurrency() || by_the_test(name)));
      }
#endif
  }
#if defined(MINFOLD_TEST_SEES_REGIONS)
  CHECK(spaces[0].concurrency() > Space().concurrency());
  CHECK(spaces[1].concurrency() > spaces[0].concurrency());
  for (auto const& worker : Ledger::deeds.at(ids[0]).workers)
    CHECK(Ledger::deeds.at(ids[1]).workers.count(worker) == 0);
#endif
}
