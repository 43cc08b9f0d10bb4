// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_WORKSPACE_HPP
#define MINFOLD_CORE_WORKSPACE_HPP

#include <minfold/core/impl/array_pool.hpp>
#include <minfold/core/require.hpp>

#include <thread>

namespace minfold {

/// Arrays of earlier calls, kept for the next ones: after one or two alike, calls allocate nothing.
///
///   Workspace<E> workspace(space);
///   for (...) {
///     auto const in_use = workspace.use();
///     pinv_cg(space, H, b, z, records);
///   }
///
/// Without one a kernel allocates its arrays and frees them at its end; on a GPU that waits for the device.
/// The solvers (minimize_hgms, run_method) have one of their own for as long as they run.
///
/// Requires  calls of the thread that called use(), on the instance that the Workspace was made for; others
///           allocate as ever. One thread at a time. Gone before Kokkos ends, as any View.
/// Memory    what the largest calls need, not in one peak but in the sum of their arrays by shape; arrays of
///           more than 256 MB are not kept. bytes() says how much it is, release() frees it.
/// Results   the same bits.
template <ExecutionSpace E>
class Workspace {
 public:
  explicit Workspace(E const& space = E()) : pool_(space) {}

  /// From its making to its end, on one thread.
  class Use {
   public:
    explicit Use(Workspace& workspace) : workspace_(workspace) {
      auto const self = std::this_thread::get_id();
      MINFOLD_REQUIRE(workspace.uses_ == 0 || workspace.user_ == self,
                      "Workspace: in use by another thread; give each thread its own");
      workspace.user_ = self;
      ++workspace.uses_;
      impl::ArrayPool<E>::begin_use(workspace.pool_);
    }
    ~Use() {
      impl::ArrayPool<E>::end_use(workspace_.pool_);
      --workspace_.uses_;
    }
    Use(Use const&) = delete;
    Use& operator=(Use const&) = delete;

   private:
    Workspace& workspace_;
  };
  [[nodiscard]] Use use() { return Use(*this); }

  std::size_t bytes() const { return pool_.bytes(); }
  void release() { pool_.release(); }

 private:
  impl::ArrayPool<E> pool_;
  std::thread::id user_;
  int uses_ = 0;
};

}  // namespace minfold

#endif
