// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_KRYLOV_DRIVER_HPP
#define MINFOLD_KERNELS_IMPL_KRYLOV_DRIVER_HPP

#include <minfold/core/dense_operator.hpp>
#include <minfold/core/impl/cache.hpp>
#include <minfold/core/lifted_operator.hpp>
#include <minfold/kernels/basis.hpp>
#include <minfold/kernels/impl/host_team.hpp>

namespace minfold::impl {

/// Columns of a right-hand side: (item, n) counts as one.
template <class V>
int columns_of(V const& v) {
  if constexpr (V::rank() == 2)
    return 1;
  else
    return int(v.extent(1));
}

/// Systems, items times columns, of a kernel with right-hand sides of that shape.
template <class V>
int systems_of(char const* function, int items, V const& v) {
  return int_product(function, items, "items", V::rank() == 2 ? 1 : v.extent(1), "columns");
}

/// The vector of system (item, c) in a rank-2 or rank-3 view.
template <class V>
KOKKOS_INLINE_FUNCTION auto system_vector(V const& v, int item, int c) {
  if constexpr (V::rank() == 2)
    return Kokkos::subview(v, item, Kokkos::ALL);
  else
    return Kokkos::subview(v, item, c, Kokkos::ALL);
}

/// v -= K K^T v, twice: the second pass removes what rounding left of the first. Returns the norm
/// of what the first pass removed.
template <class Team, class K, class V>
KOKKOS_INLINE_FUNCTION auto remove_kernel(Team const& team, int n, K const& kernel, int dimension,
                                          V const& v) {
  using T = std::remove_cvref_t<decltype(v(0))>;
  T removed = 0;
  for (int pass = 0; pass < 2; ++pass)
    for (int j = 0; j < dimension; ++j) {
      auto const k = Kokkos::subview(kernel, j, Kokkos::ALL);
      T const overlap = team_dot(team, n, k, v);
      if (pass == 0) removed += overlap * overlap;
      team_for(team, n, [&](int i) { v(i) -= overlap * k(i); });
      team.team_barrier();
    }
  return Kokkos::sqrt(removed);
}

/// The kernel basis of one item; an empty basis has dimension 0.
template <class T, ExecutionSpace E>
KOKKOS_INLINE_FUNCTION int kernel_dimension(Basis<T, E> const& kernel, int item) {
  return kernel.vectors.data() ? kernel.dimension(item) : 0;
}

/// Explicit matrices on a host, of which products need to read one half only.
template <class A, class E>
inline constexpr bool has_halves = false;
template <class Matrix, class E>
inline constexpr bool has_halves<DenseOperator<Matrix>, E> = by_halves<Matrix, E>;

/// What Path::automatic stands for. By order, columns and type only: a result must not depend on the
/// batch it is part of.
template <class A, class E>
Path chosen_path(Path path, int columns, int n) {
  if constexpr (!has_halves<A, E>)
    MINFOLD_REQUIRE(path != Path::packed && path != Path::halves,
                    "Path::packed and Path::halves need explicit matrices, LayoutRight, on a host");
  if constexpr (!TeamOperator<A, E>)
    MINFOLD_REQUIRE(path != Path::fused, "Path::fused needs an operator with a team product");
  if (path != Path::automatic) return path;
  if constexpr (has_halves<A, E>) {
    if (n <= packed_cg_order) return Path::packed;
    bool const halves = n <= whole_order || (n <= halves_order && columns <= halves_columns);
    return halves ? Path::halves : Path::bulk;
  } else if constexpr (!TeamOperator<A, E>) {
    return Path::bulk;
  } else if constexpr (!BulkOperator<A, E>) {
    return Path::fused;
  } else {
    return n <= fused_order && columns < 4 ? Path::fused : Path::bulk;
  }
}

/// Items that the bulk path on a host solves at once, so that the halves of their matrices stay in the
/// third-level cache from product to product; all where not even one fits, since then nothing is saved.
/// The bits do not depend on it.
template <std::floating_point T, ExecutionSpace E>
int solved_together(E const& space, int items, int n) {
  double const half = 0.5 * sizeof(T) * n * n, room = resident_share * double(last_cache_bytes());
  if (n == 0 || half > room) return items;
  int const sharing = (space.concurrency() + threads_a_cache - 1) / threads_a_cache;
  return std::max(1, std::min(items, std::max(int(room / half), sharing)));
}

/// A Krylov iteration written as a state machine. A `Step` has
///   begin(team, item, c)                first operand
///   step(team, item, c)                 consumes product = A operand, writes the next operand
///   running(item, c) -> bool            the same for all threads of the team
/// so that the numerics stand once, for one launch a solve and for one launch a step. The vectors are
/// worked by vector_team: on a host that is one thread with its registers.
template <ExecutionSpace E, class A, class Step, class Operand>
void run_fused(E const& space, A const& a, Step const& s, Operand const& operand,
               Operand const& product, bool by_half) {
  int const items = int(operand.extent(0)), columns = int(operand.extent(1)),
            n = int(operand.extent(2));
  for_each_item(
      "minfold::krylov::fused", space, items * columns, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        // All captured here: nvcc takes no first capture inside `if constexpr`.
        auto const& matrices = a;
        auto const& x = operand;
        auto const& y = product;
        bool halves = by_half;
        [[maybe_unused]] int const length = n;
        int const item = system / columns, c = system % columns;
        auto const workers = vector_team<E>(team);
        s.begin(workers, item, c);
        team.team_barrier();
        while (s.running(item, c)) {
          if constexpr (has_halves<A, E>) {
            if (halves)
              half_product(length, matrix_rows(matrices.matrix, item),
                           long(matrices.matrix.stride(1)), system_vector(x, item, c).data(),
                           system_vector(y, item, c).data());
          } else {
            halves = false;
          }
          if (!halves)
            matrices.apply(team, item, Kokkos::subview(x, item, c, Kokkos::ALL),
                           Kokkos::subview(y, item, c, Kokkos::ALL));
          team.team_barrier();
          s.step(workers, item, c);
          team.team_barrier();
        }
      });
}

/// Products between looks at what is still running: a look waits for the device. Devices do not look before
/// the first of them, since a solve that has nothing to do is rare.
template <ExecutionSpace E>
inline constexpr int steps_between_looks = runs_on_host<E> ? 1 : 8;

// Named products: nvcc takes no device lambda in a function that is instantiated with a caller's lambda.

/// product := A operand, all systems.
template <ExecutionSpace E, class A, class Operand>
struct WholeProduct {
  E const& space;
  A const& a;
  Operand const &operand, &product;

  void operator()() const {
    apply_block(space, a, Blocks<typename A::scalar_type const, E>(operand), product);
  }
};

/// The same by halves, for the systems of `range` that are still running.
template <ExecutionSpace E, class A, class Step, class Operand>
struct RunningProduct {
  E const& space;
  A const& a;
  Step const& s;
  SplitProduct<E, typename A::scalar_type> const& split;
  Operand const &operand, &product;
  ItemRange range;

  void operator()() const {
    auto const& step = s;
    split(
        space, a.matrix, operand, product,
        [step](int item, int c) { return step.running(item, c); }, range);
  }
};

/// Systems of these items that go on. Waits.
template <ExecutionSpace E, class Step>
int count_running(E const& space, Step const& s, ItemRange const& range, int columns) {
  int running = 0;
  Kokkos::parallel_reduce(
      "minfold::krylov::count",
      Kokkos::RangePolicy<E>(space, range.first * columns, (range.first + range.count) * columns),
      KOKKOS_LAMBDA(int system, int& count) {
        count += s.running(system / columns, system % columns);
      },
      running);
  return running;
}

template <ExecutionSpace E, class Step, class Operand, class Product>
void run_bulk(E const& space, Step const& s, Operand const& operand, Product const& multiply,
              ItemRange const& range) {
  int const columns = int(operand.extent(1)), first = range.first * columns,
            systems = range.count * columns, n = int(operand.extent(2));
  for_each_item(
      "minfold::krylov::begin", space, systems, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        s.begin(vector_team<E>(team), (first + system) / columns, (first + system) % columns);
      });
  if (runs_on_host<E> && count_running(space, s, range, columns) == 0) return;
  do {
    for (int turn = 0; turn < steps_between_looks<E>; ++turn) {
      multiply();
      for_each_item(
          "minfold::krylov::step", space, systems, n,
          KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
            int const item = (first + system) / columns, c = (first + system) % columns;
            if (s.running(item, c)) s.step(vector_team<E>(team), item, c);
          });
    }
  } while (count_running(space, s, range, columns) > 0);
}

template <ExecutionSpace E, class Step, class Operand, class Product>
void run_bulk(E const& space, Step const& s, Operand const& operand, Product const& multiply) {
  run_bulk(space, s, operand, multiply, {0, int(operand.extent(0))});
}

/// Bytes that run_krylov allocates.
template <ExecutionSpace E, class A>
std::size_t krylov_bytes(E const& space, A const& a, int columns, Path path) {
  using T [[maybe_unused]] = typename A::scalar_type;
  if (path == Path::fused || path == Path::halves) return 0;
  if constexpr (has_halves<A, E>) {
    if (columns <= columns_by_halves)
      return SplitProduct<E, T>::bytes(solved_together<T>(space, a.batch_size(), a.dim()), columns,
                                       a.dim());
  }
  return product_bytes(space, a, columns);
}

template <ExecutionSpace E, class A, class Step, class Operand>
void run_krylov(E const& space, A const& a, Step const& s, Operand const& operand,
                Operand const& product, Path path) {
  using T [[maybe_unused]] = typename A::scalar_type;
  if (operand.extent(0) * operand.extent(1) == 0) return;
  if constexpr (TeamOperator<A, E>) {
    if (path == Path::fused || path == Path::halves)
      return run_fused(space, a, s, operand, product, path == Path::halves);
  }
  if constexpr (has_halves<A, E>) {
    int const items = int(operand.extent(0)), columns = int(operand.extent(1)),
              n = int(operand.extent(2));
    if (columns <= columns_by_halves) {
      int const together = solved_together<T>(space, items, n);
      SplitProduct<E, T> const split(space, together, columns, n);
      for (int first = 0; first < items; first += together) {
        ItemRange const range{first, std::min(together, items - first)};
        run_bulk(space, s, operand,
                 RunningProduct<E, A, Step, Operand>{space, a, s, split, operand, product, range},
                 range);
      }
      return;
    }
  }
  run_bulk(space, s, operand, WholeProduct<E, A, Operand>{space, a, operand, product});
}

}  // namespace minfold::impl

#endif
