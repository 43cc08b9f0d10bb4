// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_OPENMP_REGIONS_HPP
#define MINFOLD_TESTS_OPENMP_REGIONS_HPP

#include "support/watch.hpp"

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>

/// Sizes of the teams that OpenMP was asked for. Kokkos gives all its OpenMP instances the same
/// device id; the number of their threads is what tells one from another.
#if defined(KOKKOS_ENABLE_OPENMP) && defined(__GNUC__) && !defined(__clang__) && defined(__linux__)
#define MINFOLD_TEST_SEES_REGIONS
#endif

namespace minfold::test {

/// Of parallel regions that several host threads begin: `began` is called by the thread that begins one,
/// `worked` by each thread of it. Both from several threads at once.
struct RegionListener {
  void (*began)(unsigned threads);
  void (*worked)(std::thread::id beginner);
  inline static std::atomic<RegionListener const*> current{nullptr};
};

/// From its making on, until it goes, `kernels` holds the kernels that had begun last when a parallel
/// region began, by the number of its threads.
class Regions {
 public:
  inline static std::map<unsigned, std::multiset<std::string>> kernels;
  inline static bool watching = false;

  Regions() {
    kernels.clear();
    watching = true;
  }
  ~Regions() { watching = false; }
  Regions(Regions const&) = delete;
  Regions& operator=(Regions const&) = delete;

  static void began(unsigned threads) { kernels[threads].insert(Watch::seen.last_kernel); }

 private:
  Watch watch_;
};

}  // namespace minfold::test

#endif
