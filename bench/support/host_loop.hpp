// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_HOST_LOOP_HPP
#define MINFOLD_BENCH_HOST_LOOP_HPP

#include <minfold/core/blas.hpp>

#if defined(_OPENMP)
#include <omp.h>
#endif

#include <vector>

namespace minfold::bench {

inline int host_threads() {
#if defined(_OPENMP)
  return omp_get_max_threads();
#else
  return 1;
#endif
}

/// What each thread of host_loop keeps from one call to the next, so that no loop allocates.
template <class Workspace>
std::vector<Workspace> per_thread(Workspace const& one) {
  return std::vector<Workspace>(host_threads(), one);
}

/// body(item, workspace) for every item, as a competent user runs LAPACK over a batch: an item a
/// thread with sequential BLAS, or, with fewer items than threads, one item after the other with the
/// threads inside BLAS.
template <class Workspace, class Body>
void host_loop(int items, std::vector<Workspace>& workspaces, Body const& body) {
#if defined(_OPENMP)
  if (items >= omp_get_max_threads()) {
#pragma omp parallel num_threads(int(workspaces.size()))
    {
      Workspace& mine = workspaces[omp_get_thread_num()];
      minfold::impl::SequentialBlas const sequential;
#pragma omp for schedule(dynamic, 1)
      for (int item = 0; item < items; ++item) body(item, mine);
    }
    return;
  }
#endif
  for (int item = 0; item < items; ++item) body(item, workspaces[0]);
}

struct NoWorkspace {};
template <class Body>
void host_loop(int items, Body const& body) {
  auto none = per_thread(NoWorkspace());
  host_loop(items, none, [&](int item, NoWorkspace&) { body(item); });
}

}  // namespace minfold::bench

#endif
