// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_TANGENT_SPACE_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_TANGENT_SPACE_IMPL_HPP

#include <minfold/kernels/impl/pinv_direct_impl.hpp>
#include <minfold/kernels/tangent_space.hpp>

namespace minfold::impl {

/// Whether every item that is finite has a decided dimension. An ambiguous one counts as decided
/// unless `strict`: a trial with few products may see no gap where the whole spectrum has one.
inline bool all_decided(Summary const& s, bool strict) {
  return s[Outcome::rank_limit] == 0 && s[Outcome::iteration_limit] == 0 &&
         !(strict && s[Outcome::ambiguous_rank] > 0);
}

/// A range record in the terms of the kernel: k = n - r.
template <ExecutionSpace E, std::floating_point T>
void kernel_records_of(E const& space, Scalars<RangeRecord<T>, E> const& range,
                       Vectors<T, E> const& values, int n, T tolerance,
                       Scalars<KernelRecord<T>, E> const& records) {
  Kokkos::parallel_for(
      "minfold::tangent_space::records", Kokkos::RangePolicy<E>(space, 0, int(range.extent(0))),
      KOKKOS_LAMBDA(int item) {
        auto const& r = range(item);
        KernelRecord<T> k;
        k.outcome = r.outcome;
        k.dimension = n - r.rank;
        k.products = r.products;
        k.norm_estimate = r.norm_estimate;
        // For q in ker A found as the complement: ||A q|| <= ||(I - QQ^T) A||.
        k.kernel_residual = r.range_residual;
        k.orthogonality = r.orthogonality;
        k.gap = r.gap;
        if (r.rank > 0) k.smallest_kept = Kokkos::abs(values(item, r.rank - 1));
        for (int j = 0; j < r.rank; ++j)
          if (r.norm_estimate > T(0))
            k.most_negative = Kokkos::min(k.most_negative, values(item, j) / r.norm_estimate);
        if (k.outcome == Outcome::converged && k.most_negative < -tolerance)
          k.outcome = Outcome::indefinite_operator;
        records(item) = k;
      });
}

/// Options of the two searches: `block` and `iterations` of the trial.
template <std::floating_point T>
KernelBasisOptions<T> kernel_trial(TangentSpaceOptions<T> const& options, int n, int block,
                                   int iterations) {
  return {.method = KernelMethod::randomized,
          .kernel_tolerance = options.kernel_tolerance,
          .minimum_gap = options.minimum_gap,
          .block = std::min(n, block),
          .seed = options.seed,
          .item_ids = options.item_ids,
          .total_iterations = iterations};
}
template <std::floating_point T>
RangeFinderOptions<T> range_trial(TangentSpaceOptions<T> const& options, int n) {
  return {.tolerance = options.kernel_tolerance,
          .minimum_gap = options.minimum_gap,
          .block = std::min(n, options.block),
          .seed = options.seed,
          .item_ids = options.item_ids};
}

template <std::floating_point T, ExecutionSpace E>
Basis<T, E> make_basis(E const& space, int items, int capacity, int n) {
  return {make_blocks<T>(space, "minfold::tangent_space::basis", items, capacity, n),
          make_scalars<int>(space, "minfold::tangent_space::dimension", items)};
}

/// kernel_part := b - Q Q^T b and z := Q diag(1/values) Q^T b.
template <ExecutionSpace E, std::floating_point T>
void apply_range(E const& space, Basis<T, E> const& basis, Vectors<T, E> const& values,
                 Blocks<T const, E> const& b, Blocks<T, E> const& z,
                 Blocks<T, E> const& kernel_part) {
  int const columns = int(b.extent(1)), n = int(b.extent(2));
  for_each_item(
      "minfold::tangent_space::range", space, int(b.extent(0)) * columns, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        int const item = system / columns, c = system % columns, r = basis.dimension(item);
        auto const rest = Kokkos::subview(kernel_part, item, c, Kokkos::ALL);
        team_for(team, n, [&](int i) {
          z(item, c, i) = T(0);
          rest(i) = b(item, c, i);
        });
        team.team_barrier();
        // Twice: the second pass removes what rounding left of the first, in z as well.
        for (int pass = 0; pass < 2; ++pass)
          for (int j = 0; j < r; ++j) {
            T const overlap =
                team_sum(team, n, [&](int i) { return basis.vectors(item, j, i) * rest(i); });
            T const quotient = overlap / values(item, j);
            team_for(team, n, [&](int i) {
              z(item, c, i) += quotient * basis.vectors(item, j, i);
              rest(i) -= overlap * basis.vectors(item, j, i);
            });
            team.team_barrier();
          }
      });
}

/// kernel_part := K K^T b.
template <ExecutionSpace E, std::floating_point T>
void apply_kernel(E const& space, Basis<T, E> const& basis, Blocks<T const, E> const& b,
                  Blocks<T, E> const& kernel_part) {
  int const columns = int(b.extent(1)), n = int(b.extent(2));
  for_each_item(
      "minfold::tangent_space::kernel", space, int(b.extent(0)) * columns, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        int const item = system / columns, c = system % columns, k = basis.dimension(item);
        team_for(team, n, [&](int i) { kernel_part(item, c, i) = T(0); });
        team.team_barrier();
        for (int j = 0; j < k; ++j) {
          T const overlap =
              team_sum(team, n, [&](int i) { return basis.vectors(item, j, i) * b(item, c, i); });
          team_for(team, n,
                   [&](int i) { kernel_part(item, c, i) += overlap * basis.vectors(item, j, i); });
          team.team_barrier();
        }
      });
}

/// Brings what is wrong with the kernel basis into the records of solves that it was used for, and
/// clears what is not finite.
template <ExecutionSpace E, std::floating_point T, class Records>
void merge_outcomes(E const& space, TangentSpace<T, E> const& t, Blocks<T, E> const& z,
                    Blocks<T, E> const& kernel_part, Records const& records) {
  int const columns = int(z.extent(1)), n = int(z.extent(2));
  for_each_item(
      "minfold::tangent_solve::merge", space, int(z.extent(0)) * columns, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        int const item = system / columns, c = system % columns;
        auto const& kernel = t.records(item);
        Outcome outcome = records(system).outcome;
        team.team_barrier();
        bool const indefinite = kernel.outcome == Outcome::indefinite_operator;
        if (outcome == Outcome::not_finite || kernel.outcome == Outcome::not_finite)
          outcome = Outcome::not_finite;
        else if (outcome == Outcome::converged && indefinite && kernel.gap < t.minimum_gap)
          outcome = Outcome::ambiguous_rank;
        else if (outcome == Outcome::converged && !indefinite)
          outcome = kernel.outcome;
        if (outcome == Outcome::not_finite)
          team_for(team, n, [&](int i) { z(item, c, i) = kernel_part(item, c, i) = T(0); });
        Kokkos::single(Kokkos::PerTeam(team), [&] { records(system).outcome = outcome; });
      });
}

}  // namespace minfold::impl

namespace minfold {

template <ExecutionSpace E, Operator<E> A>
std::size_t tangent_space_bytes(E const& space, A const& a,
                                TangentSpaceOptions<typename A::scalar_type> const& options,
                                int dimension) {
  using T = typename A::scalar_type;
  std::size_t const items = a.batch_size(), n = a.dim();
  int const order = a.dim();
  std::size_t const records = array_bytes<KernelRecord<T>>(items);
  auto const basis = [&](int capacity) {
    return array_bytes<T>(items * capacity * n) + array_bytes<int>(items);
  };
  auto const spectral = [&] {
    return impl::decompose_bytes<T, E>(
        int(items), order, impl::is_dense<A>, space,
        impl::most_product_bytes(space, a, std::min(order, impl::assembly_block)));
  };
  auto const kernel = [&](int capacity, int block) {
    return basis(capacity) + kernel_basis_bytes(space, a, capacity,
                                                impl::kernel_trial(options, order, block, 0),
                                                dimension);
  };
  auto const range = [&](int capacity) {
    return basis(capacity) + array_bytes<T>(items * capacity) + array_bytes<RangeRecord<T>>(items) +
           range_finder_bytes(space, a, capacity, impl::range_trial(options, order),
                              dimension < 0 ? -1 : order - dimension);
  };
  bool const automatic = options.representation == Representation::automatic;
  int const widest = std::min(order, options.max_basis);
  if (n == 0 || options.representation == Representation::spectral ||
      (automatic && (order <= options.block || impl::is_dense<A>)))
    return records + spectral();
  switch (options.representation) {
    case Representation::kernel_basis: return records + kernel(widest, options.block);
    case Representation::range_basis: return records + range(widest);
    case Representation::implicit: return records;
    default: break;
  }
  // Whatever the trials show: the widest of them, beside the basis of the one before.
  std::size_t most = 0, before = 0;
  for (int width = std::max(1, options.block - 2); width <= options.max_basis;
       width = 2 * (width + 2) - 2) {
    std::size_t const values = array_bytes<T>(items * width);
    most =
        std::max({most, before + range(width), basis(width) + values + kernel(width, width + 2)});
    before = basis(width) + values;
  }
  if (order <= options.direct_order) most = std::max(most, before + spectral());
  return records + most;
}

template <ExecutionSpace E, Operator<E> A>
TangentSpace<typename A::scalar_type, E> tangent_space(
    E const& space, A const& a, TangentSpaceOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim();
  MINFOLD_REQUIRE(options.block > 0 && options.max_basis > 0, "tangent_space: block is ",
                  options.block, " and max_basis ", options.max_basis, ", must be positive");
  MINFOLD_REQUIRE(options.item_ids.extent(0) == 0 || int(options.item_ids.extent(0)) == items,
                  "tangent_space: ", options.item_ids.extent(0), " item_ids for ", items, " items");
  TangentSpace<T, E> t;
  t.minimum_gap = options.minimum_gap;
  t.records = make_scalars<KernelRecord<T>>(space, "minfold::tangent_space::records", items);
  auto const all_decided = [&](auto const& records) {
    auto const found = summarize(space, records);
    t.products += found.products;
    return impl::all_decided(found, n <= options.direct_order);
  };
  auto const spectral = [&] {
    t.representation = Representation::spectral;
    t.spectral = impl::decompose(space, a, options.kernel_tolerance, options.minimum_gap);
    t.records = t.spectral.records;
    t.products += std::int64_t(items) * t.spectral.products;
  };
  auto const kernel = [&](int capacity, int block, int iterations) {
    t.representation = Representation::kernel_basis;
    t.basis = impl::make_basis<T>(space, items, capacity, n);
    kernel_basis(space, a, t.basis, t.records, impl::kernel_trial(options, n, block, iterations));
    return all_decided(t.records);
  };
  auto const range = [&](int capacity) {
    t.representation = Representation::range_basis;
    t.basis = impl::make_basis<T>(space, items, capacity, n);
    t.values = make_vectors<T>(space, "minfold::tangent_space::values", items, capacity);
    auto const records =
        make_scalars<RangeRecord<T>>(space, "minfold::tangent_space::range", items);
    range_finder(space, a, t.basis, t.values, records, impl::range_trial(options, n));
    impl::kernel_records_of(space, records, t.values, n, options.kernel_tolerance, t.records);
    return all_decided(records);
  };
  auto const implicit = [&] {
    t.representation = Representation::implicit;
    KernelRecord<T> unknown;
    unknown.outcome = Outcome::rank_limit;
    Kokkos::deep_copy(space, t.records, unknown);
  };
  // Of order 0 there is nothing to multiply with.
  if (n == 0) {
    spectral();
    return t;
  }
  switch (options.representation) {
    case Representation::spectral: spectral(); return t;
    case Representation::kernel_basis:
      kernel(std::min(n, options.max_basis), options.block, 0);
      return t;
    case Representation::range_basis: range(std::min(n, options.max_basis)); return t;
    case Representation::implicit: implicit(); return t;
    case Representation::automatic: break;
  }
  if (n <= options.block || impl::is_dense<A>) {
    spectral();
    return t;
  }
  // The whole spectrum costs n products an item: where it is allowed, no trial may cost more.
  bool const may_go_direct = n <= options.direct_order;
  auto const budget = [&] { return n - int(t.products / std::max(items, 1)); };
  for (int width = std::max(1, options.block - 2); width <= options.max_basis;
       width = 2 * (width + 2) - 2) {
    if (may_go_direct && budget() < 2 * (width + options.block)) break;
    if (range(width)) return t;
    // Besides the solves: the sketch and its image, Rayleigh-Ritz, and where the kernel is noise four
    // residuals and three images more.
    int const iterations = budget() / (width + 2) - 10;
    if (may_go_direct && iterations < 3) break;
    if (kernel(width, width + 2, may_go_direct ? iterations : 0)) return t;
  }
  if (may_go_direct)
    spectral();
  else
    implicit();
  return t;
}

template <ExecutionSpace E, Operator<E> A, class Records>
void tangent_solve(E const& space, A const& a, TangentSpace<typename A::scalar_type, E> const& t,
                   Blocks<typename A::scalar_type const, E> const& b,
                   Blocks<typename A::scalar_type, E> const& z,
                   Blocks<typename A::scalar_type, E> const& kernel_part, Records const& records,
                   typename A::scalar_type tolerance) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), columns = int(b.extent(1)), n = a.dim(),
            systems = impl::systems_of("tangent_solve", items, b);
  MINFOLD_REQUIRE(int(b.extent(0)) == items && int(b.extent(2)) == n, "tangent_solve: b has ",
                  b.extent(0), " items of ", b.extent(2), " components, expected ", items, " of ",
                  n);
  auto const fits = [&](auto const& v) {
    return int(v.extent(0)) == items && int(v.extent(1)) == columns && int(v.extent(2)) == n;
  };
  MINFOLD_REQUIRE(fits(z) && fits(kernel_part),
                  "tangent_solve: z or kernel_part is not of the shape of b");
  MINFOLD_REQUIRE(int(records.extent(0)) == systems, "tangent_solve: ", systems, " systems but ",
                  records.extent(0), " records");
  MINFOLD_REQUIRE(int(t.records.extent(0)) == items, "tangent_solve: the tangent space is for ",
                  t.records.extent(0), " items, expected ", items);
  MINFOLD_REQUIRE(
      !impl::overlap(b, z) && !impl::overlap(b, kernel_part) && !impl::overlap(z, kernel_part),
      "tangent_solve: b, z and kernel_part must not alias");
  if (systems == 0) return;
  auto const certify = [&](auto const& solve) {
    solve(b, z, kernel_part);
    impl::certify_solve(space, a, b, kernel_part, z, t.records, records, tolerance, t.minimum_gap,
                        0, solve);
  };
  switch (t.representation) {
    case Representation::automatic:
    case Representation::implicit:
      pinv_cgls(space, a, b, z, kernel_part, records, {.relative_tolerance = tolerance});
      return;
    case Representation::kernel_basis:
      impl::apply_kernel(space, t.basis, b, kernel_part);
      pinv_cg(space, a, b, z, records, {.relative_tolerance = tolerance}, t.basis);
      impl::merge_outcomes(space, t, z, kernel_part, records);
      return;
    case Representation::spectral:
      certify(
          [&](Blocks<T const, E> const& from, Blocks<T, E> const& to, Blocks<T, E> const& part) {
            impl::apply_spectral(space, t.spectral, from, to, part);
          });
      return;
    case Representation::range_basis:
      certify(
          [&](Blocks<T const, E> const& from, Blocks<T, E> const& to, Blocks<T, E> const& part) {
            impl::apply_range(space, t.basis, t.values, from, to, part);
          });
      return;
  }
}

}  // namespace minfold

#endif
