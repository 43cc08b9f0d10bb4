// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_NYSTROM_ITEMS_HPP
#define MINFOLD_KERNELS_IMPL_NYSTROM_ITEMS_HPP

#include <minfold/kernels/impl/nystrom_run.hpp>

namespace minfold::impl {

/// Hosts, where wide_blas would not split the long side either: all from the Gram matrix to the vectors of an
/// item in one go, so that F and U stay in the cache of the thread. One core, 16 items of n = 512, width
/// 128, against a launch for each of the steps: see bench/results.
template <ExecutionSpace E>
bool nystrom_by_items(int n) {
  return runs_on_host<E> && wide_chunks(n) == 1;
}

/// What a thread works with; the same steps as NystromFactors.
template <std::floating_point T, ExecutionSpace E>
struct NystromItems {
  NystromSketch<T, E> sketch;
  NystromRun<T, E> run;
  Kokkos::Experimental::UniqueToken<E> token;
  Blocks<T, E> factor, vectors, small, roots;
  Vectors<T, E> squares, numbers;
  Vectors<int, E> integers;
  Scalars<EigenRecord<T>, E> eigen;
  T cut;
  int n;
  bool last;

  NystromItems(E const& space, NystromSketch<T, E> const& s, NystromRun<T, E> const& r, int order,
               bool ends)
      : sketch(s), run(r), token(space), cut(nystrom_cut<T>(order)), n(order), last(ends) {
    int const threads = token.size(), width = s.width;
    factor = nystrom_blocks<T>(space, "minfold::nystrom::factor", threads, width, n);
    vectors = nystrom_blocks<T>(space, "minfold::nystrom::vectors", threads, width, n);
    small = make_blocks<T>(space, "minfold::nystrom::small", threads, width, width);
    roots = make_blocks<T>(space, "minfold::nystrom::roots", threads, width, width);
    squares = make_vectors<T>(space, "minfold::nystrom::squares", threads, width);
    numbers = make_vectors<T>(space, "minfold::nystrom::numbers", threads, eigen_numbers(width));
    integers =
        make_vectors<int>(space, "minfold::nystrom::integers", threads, eigen_integers(width));
    eigen = make_scalars<EigenRecord<T>>(space, "minfold::nystrom::eigen", threads);
  }

  void work(int item) const {
    if (run.stage(item) != int(NystromStage::open)) {
      run.records(item).products = sketch.width;
      return;
    }
    int const thread = token.acquire();
    {
      SequentialBlas const sequential;
      int const width = sketch.width;
      Outcome const seen = make_factor(item, thread);
      own_gram_of(factor, thread);
      decompose(thread);
      run.decide_item(item, width, sketch.norms(item), seen, values(thread), last);
      if (run.stage(item) == int(NystromStage::fresh)) {
        make_vectors_of(item, thread);
        run.settle_item(item, width);
        run.stage(item) = int(NystromStage::done);
      }
    }
    token.release(thread);
  }

 private:
  NystromValues<Vectors<T, E>, Scalars<EigenRecord<T>, E>> values(int thread) const {
    return {squares, eigen, thread, sketch.width, cut};
  }
  static auto matrix(Blocks<T, E> const& blocks, int index) {
    return Kokkos::subview(blocks, index, Kokkos::ALL, Kokkos::ALL);
  }

  /// small := its eigenvectors, squares := its eigenvalues.
  void decompose(int thread) const {
    eigen(thread) = eigen_of_item(host::Team{}, matrix(small, thread),
                                  Kokkos::subview(squares, thread, Kokkos::ALL),
                                  &numbers(thread, 0), &integers(thread, 0));
  }

  void inverse_roots_of(int thread) const {
    for (int i = 0; i < sketch.width; ++i)
      inverse_root(values(thread), matrix(small, thread), matrix(roots, thread), i);
  }

  /// small := X X^T.
  void own_gram_of(Blocks<T, E> const& x, int thread) const {
    int const width = sketch.width;
    host::syrk(n, width, &x(thread, 0, 0), n, &small(thread, 0, 0), width);
    for (int i = 0; i < width; ++i)
      for (int j = i + 1; j < width; ++j) small(thread, i, j) = small(thread, j, i);
  }

  /// F = C A Omega^T.
  Outcome make_factor(int item, int thread) const {
    int const width = sketch.width;
    auto const gram = matrix(sketch.gram, item), c = matrix(roots, thread);
    bool const triangular = whiten_item(gram, c, cut);
    Outcome seen = Outcome::converged;
    if (!triangular) {
      for (int i = 0; i < width; ++i)
        for (int j = 0; j <= i; ++j) small(thread, i, j) = small(thread, j, i) = gram(i, j);
      decompose(thread);
      inverse_roots_of(thread);
      seen = seen_by_eigenvalues(squares(thread, 0), squares(thread, width - 1),
                                 eigen(thread).outcome);
    }
    for (auto const& p : sketch.pieces) {
      int const first = triangular ? p.first : 0;
      host_gemm(Transpose::no, Transpose::no, width - first, n, p.columns(), T(1),
                &c(first, p.first), width, &p.image(item, 0, 0), n, p.first == 0 ? T(0) : T(1),
                &factor(thread, first, 0), n);
    }
    return seen;
  }

  /// The rows of U take the place of A Omega; see NystromFactors::vectors.
  void make_vectors_of(int item, int thread) const {
    int const width = sketch.width;
    T* const c = &roots(thread, 0, 0);
    inverse_roots_of(thread);
    auto from = factor, to = vectors;
    for (int round = 0;; ++round) {
      host_gemm(Transpose::no, Transpose::no, width, n, width, T(1), c, width, &from(thread, 0, 0),
                n, T(0), &to(thread, 0, 0), n);
      std::swap(from, to);
      own_gram_of(from, thread);
      bool const rough =
          right_angles_of_item(host::Team{}, matrix(small, thread), matrix(roots, thread),
                               Kokkos::subview(run.values, item, Kokkos::ALL), true);
      if (!rough || round == 2) break;
    }
    for (auto const& p : sketch.pieces)
      host_gemm(Transpose::no, Transpose::no, p.columns(), n, width, T(1), c + p.first * width,
                width, &from(thread, 0, 0), n, T(0), &p.image(item, 0, 0), n);
  }
};

template <std::floating_point T>
std::size_t nystrom_scratch_bytes(std::size_t threads, std::size_t width, std::size_t n) {
  return 2 * array_bytes<T>(threads * width * n) + 2 * array_bytes<T>(threads * width * width) +
         array_bytes<T>(threads * width) + array_bytes<T>(threads * eigen_numbers(int(width))) +
         array_bytes<int>(threads * eigen_integers(int(width))) +
         array_bytes<EigenRecord<T>>(threads);
}

template <ExecutionSpace E, std::floating_point T>
void nystrom_work_items(E const& space, NystromSketch<T, E> const& sketch,
                        NystromRun<T, E> const& run, int n, bool last) {
  NystromItems<T, E> const work(space, sketch, run, n, last);
  Kokkos::parallel_for("minfold::nystrom::items",
                       Kokkos::RangePolicy<E, Kokkos::Schedule<Kokkos::Dynamic>>(
                           space, 0, int(run.records.extent(0)))
                           .set_chunk_size(1),
                       [=](int item) { work.work(item); });
}

/// Ends the items whose rule stops at the width of the sketch. Says whether others go on; else u := the vectors
/// of all. Waits.
template <ExecutionSpace E, std::floating_point T>
bool nystrom_step(E const& space, NystromSketch<T, E> const& sketch, NystromRun<T, E> const& run,
                  int n, bool last, [[maybe_unused]] bool by_items, Blocks<T, E>& u) {
  if constexpr (runs_on_host<E>) {
    if (by_items) {
      nystrom_work_items(space, sketch, run, n, last);
      if (run.count(space).first > 0) return true;
      u = nystrom_blocks<T>(space, "minfold::nystrom::basis", int(run.records.extent(0)),
                            sketch.width, n);
      run.gather(space, sketch, u);
      return false;
    }
  }
  NystromFactors<T, E> f(space, sketch, run.open, n);
  auto const [growing, fresh] = run.decide(space, sketch, f, last);
  auto made = f.factor;
  if (fresh > 0) {
    made = f.vectors(space, run.values, run.waiting(space));
    run.settle(space, sketch.width);
  }
  if (growing > 0) {
    if (fresh > 0) run.store(space, sketch, made);
    return true;
  }
  run.gather(space, sketch, made);
  u = made;
  return false;
}

}  // namespace minfold::impl

#endif
