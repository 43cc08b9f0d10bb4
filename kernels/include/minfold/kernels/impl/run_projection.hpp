// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_RUN_PROJECTION_HPP
#define MINFOLD_KERNELS_IMPL_RUN_PROJECTION_HPP

#include <minfold/kernels/impl/kernel_projection.hpp>

#include <algorithm>
#include <utility>

namespace minfold::impl {

/// The most columns that still run in any item.
template <class T, ExecutionSpace E>
int most_running(E const& space, ProjectionStep<T, E> const& s) {
  int most = 0;
  auto const states = s.states;
  int const columns = s.columns, count = int(states.extent(0)) / (columns > 0 ? columns : 1);
  Kokkos::parallel_reduce(
      "minfold::kernel_basis::running", Kokkos::RangePolicy<E>(space, 0, count),
      KOKKOS_LAMBDA(int item, int& largest) {
        int running = 0;
        for (int c = 0; c < columns; ++c) running += states(item * columns + c).running;
        if (running > largest) largest = running;
      },
      Kokkos::Max<int>(most));
  return std::max(most, 0);
}

/// Raises the targets of an item whose columns all lie in a kernel wider than their number.
///
/// Random columns then keep a length of sqrt(dim ker A) and nearly right angles. With R = A W and sigma the
/// smallest singular value of W every unit vector q of their span has ||A q|| <= ||R||_F / sigma, so
/// ||r_c|| <= tolerance ||A|| sigma / sqrt(columns) is what `tolerance` asks of the span. sigma^2 is bounded below
/// by Gershgorin's circles of the Gram matrix, 1 or less of it is as good as nothing; `reach` caps
/// what is gained. Looked at once, when no column needs more than its own length allows.
template <class T, ExecutionSpace E>
void widen_targets(E const& space, ProjectionStep<T, E> const& s) {
  int const columns = s.columns, n = s.n;
  for_each_item(
      "minfold::kernel_basis::widen_targets", space, s.items.extent_int(0), n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        if (s.items(item).widened) return;
        int running = 0;
        for (int c = 0; c < columns; ++c) {
          auto const& state = s.states(item * columns + c);
          T const best = s.options.tolerance * state.norm * state.length;
          if (!state.running) continue;
          if (!(state.rr <= best * best)) return;
          ++running;
        }
        if (running == 0) return;
        T least = Kokkos::Experimental::infinity_v<T>;
        for (int c = 0; c < columns; ++c) {
          T circle = 0;
          for (int l = 0; l < columns; ++l) {
            T const entry = long_sum<E>(team, n, [&](int i) {
              return s.filtered(item, s.first + c, i) * s.filtered(item, s.first + l, i);
            });
            circle += l == c ? entry : -Kokkos::abs(entry);
          }
          if (!(circle >= least)) least = circle;
        }
        T const sigma = least > T(0) ? Kokkos::sqrt(least / T(columns)) : T(0);
        T const factor = Kokkos::min(sigma, s.options.reach);
        team.team_barrier();
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          s.items(item).widened = true;
          for (int c = 0; factor > T(1) && c < columns; ++c) {
            auto& state = s.states(item * columns + c);
            if (!state.running) continue;
            state.target = Kokkos::max(state.target, s.options.tolerance * state.norm * factor);
            state.running = state.rr > state.target * state.target;
          }
        });
      });
}

/// Bytes that run_projection allocates at its peak.
template <ExecutionSpace E, class A>
std::size_t projection_bytes(E const& space, A const& a, int columns) {
  std::size_t const vectors = std::size_t(a.batch_size()) * columns * a.dim();
  return 3 * array_bytes<typename A::scalar_type>(vectors) + most_product_bytes(space, a, columns);
}

/// Runs CG on all columns that are `active`, verifies and restarts them. image: A times the columns,
/// overwritten. Returns the iterations of the longest column.
template <class T, ExecutionSpace E, class A>
int run_projection(E const& space, A const& a, ProjectionStep<T, E> const& s,
                   Blocks<T, E> const& image) {
  using Slots = typename ProjectionStep<T, E>::Slots;
  int const items = a.batch_size(), columns = s.columns, n = s.n, systems = items * columns;
  auto const one = make_blocks<T>(space, "minfold::kernel_basis::directions", items, columns, n);
  auto const two = make_blocks<T>(space, "minfold::kernel_basis::directions2", items, columns, n);
  auto const product = make_blocks<T>(space, "minfold::kernel_basis::products", items, columns, n);
  auto const states = s.states;
  auto const filter = s.items;
  int spent = 0;
  for (int round = 0;; ++round) {
    bool const again = round > 0;
    if (again) {
      // The columns as they are now; what was not touched is multiplied with the others.
      auto const w = s.filtered;
      int const first = s.first;
      Kokkos::parallel_for(
          "minfold::kernel_basis::columns",
          Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, columns, n}),
          KOKKOS_LAMBDA(int item, int c, int i) { one(item, c, i) = w(item, first + c, i); });
      apply_block(space, a, Blocks<T const, E>(one), image);
    }
    Kokkos::parallel_for(
        "minfold::kernel_basis::count_verified", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item) { filter(item).products += again ? columns : 0; });
    for_each_item(
        "minfold::kernel_basis::start", space, systems, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
          s.start(team, system / columns, system % columns, image, again);
        });
    int slots = most_running(space, s);
    if (slots == 0 && (again || s.options.restarts == 0)) return spent;
    Blocks<T, E> here = one, there = two;
    Slots operand(here.data(), items, slots, n), images(product.data(), items, slots, n);
    bool fresh = true;
    int iterations = 0;
    while (slots > 0) {
      int const running = fresh ? slots : most_running(space, s);
      if (running == 0) break;
      // A column costs a product until it is dropped, the move costs two passes over what stays.
      if (fresh || 4 * running <= 3 * slots) {
        Slots const moved((fresh ? here : there).data(), items, running, n);
        bool const begin = fresh;
        for_each_item(
            "minfold::kernel_basis::compact", space, items, n,
            KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
              int slot = 0;
              for (int c = 0; c < columns; ++c) {
                int const system = item * columns + c;
                if (!states(system).running) continue;
                int const from = states(system).slot;
                team.team_barrier();
                if (!begin)
                  team_for(team, n, [&](int i) { moved(item, slot, i) = operand(item, from, i); });
                Kokkos::single(Kokkos::PerTeam(team), [&] { states(system).slot = slot; });
                ++slot;
              }
              // Slots without a column multiply zero.
              team_for(team, (running - slot) * n,
                       [&](int t) { moved(item, slot + t / n, t % n) = T(0); });
            });
        slots = running;
        operand = moved;
        images = Slots(product.data(), items, slots, n);
        if (begin)
          for_each_item(
              "minfold::kernel_basis::direct", space, systems, n,
              KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
                s.direct(team, system / columns, system % columns, moved);
              });
        else
          std::swap(here, there);
        fresh = false;
      }
      apply_block(space, a, Blocks<T const, E>(operand), Blocks<T, E>(images));
      ++iterations;
      int const multiplied = slots;
      Slots const p = operand, q = images;
      Kokkos::parallel_for(
          "minfold::kernel_basis::count", Kokkos::RangePolicy<E>(space, 0, items),
          KOKKOS_LAMBDA(int item) { filter(item).products += multiplied; });
      for_each_item(
          "minfold::kernel_basis::step", space, systems, n,
          KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
            s.step(team, system / columns, system % columns, p, q);
          });
      if (s.options.reach > T(1)) widen_targets(space, s);
    }
    spent += iterations;
    if (s.options.restarts == 0) return spent;
  }
}

}  // namespace minfold::impl

#endif
