// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_TANGENT_MEMORY_HPP
#define MINFOLD_DRIVERS_IMPL_TANGENT_MEMORY_HPP

#include <minfold/drivers/impl/tangent_projector.hpp>
#include <minfold/drivers/state_archive.hpp>
#include <minfold/kernels/pinv_pcg.hpp>

namespace minfold {

/// What a solve keeps of its tangent spaces: the representation that the automatic choice found, and the
/// last tangent space, which may still be that of another point.
template <class T, ExecutionSpace E>
struct TangentMemory {
  Representation known = Representation::automatic;
  /// CG for a Newton step along S took as many products as the formed Hessian does: form it from now on.
  bool dense = false;
  bool filled = false;
  TangentSpace<T, E> tangent;
  impl::TangentProjector<T, E> projector;

  void archive(StateArchive& a, E const& space) {
    a("known", known);
    a("dense", dense);
    a("filled", filled);
    if (!filled) return;  // what is there then is not looked at
    auto& t = tangent;
    a("representation", t.representation);
    a.sized_view(space, "spectral/vectors", t.spectral.vectors);
    a.sized_view(space, "spectral/values", t.spectral.values);
    a.sized_view(space, "spectral/first", t.spectral.first);
    a.sized_view(space, "spectral/records", t.spectral.records);
    a.sized_view(space, "basis/vectors", t.basis.vectors);
    a.sized_view(space, "basis/dimension", t.basis.dimension);
    a.sized_view(space, "values", t.values);
    a.sized_view(space, "records", t.records);
    a("products", t.products);
    a("minimum_gap", t.minimum_gap);
    a("projector/complement", projector.complement);
    a.sized_view(space, "projector/rows", projector.rows);
    if (a.loads())  // scratch
      projector.coefficients =
          make_blocks<T>(space, "minfold::tangent_memory::coefficients",
                         int(projector.rows.extent(0)), 1, int(projector.rows.extent(1)));
  }
};

/// The tangent space at y. The representation that the automatic choice found is asked for first, so that
/// the trials it lost are not repeated.
template <class T, ExecutionSpace E>
TangentSpace<T, E> remembered_tangent_space(E const& space, LowerHessian<T, E> const& hessian,
                                            TangentSpaceOptions<T> const& options,
                                            TangentMemory<T, E>& memory) {
  auto first = options;
  if (options.representation == Representation::automatic &&
      (memory.known == Representation::spectral || memory.known == Representation::kernel_basis)) {
    first.representation = memory.known;
    first.max_basis = std::min(options.max_basis, 32);
  }
  auto tangent = tangent_space(space, hessian, first);
  // Small orders have no other choice than the spectrum: to ask again would give the same.
  bool const may_differ =
      first.representation != options.representation &&
      !(first.representation == Representation::spectral && hessian.dim() <= options.block);
  if (may_differ) {
    auto const missing = summarize(space, tangent.records);
    if (missing[Outcome::rank_limit] + missing[Outcome::iteration_limit] +
            missing[Outcome::ambiguous_rank] >
        0)
      tangent = tangent_space(space, hessian, options);
  }
  memory.known = tangent.representation;
  return tangent;
}

namespace impl {

/// Products an item from which it pays to ask whether an older tangent space still holds.
inline constexpr int worth_remembering = 16;

/// Keeps a tangent space, unless it was cheap or some item has none that is certain.
template <class T, ExecutionSpace E>
void remember(E const& space, TangentSpace<T, E> const& tangent,
              TangentProjector<T, E> const& projector, TangentMemory<T, E>& memory) {
  int const items = int(tangent.records.extent(0));
  // The cheap questions first: the last one waits.
  memory.filled = has_vectors(tangent.representation) &&
                  tangent.products >= std::int64_t(worth_remembering) * items &&
                  summarize(space, tangent.records)[Outcome::converged] == items;
  memory.tangent = memory.filled ? tangent : TangentSpace<T, E>{};
  memory.projector = memory.filled ? projector : TangentProjector<T, E>{};
}

/// out(row, ...) := from(of(row) % items of from, ...), any rank.
template <class T, ExecutionSpace E>
Blocks<T, E> rows_for(E const& space, Blocks<T, E> const& from, Scalars<int, E> const& of) {
  int const rows = int(of.extent(0)), items = int(from.extent(0)), m = int(from.extent(1)),
            n = int(from.extent(2));
  if (items == 0) return from;
  auto const out = make_blocks<T>(space, "minfold::tangent_memory::rows", rows, m, n);
  Kokkos::parallel_for(
      "minfold::tangent_memory::rows",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {rows, m, n}),
      KOKKOS_LAMBDA(int row, int j, int i) { out(row, j, i) = from(of(row) % items, j, i); });
  return out;
}
template <class T, ExecutionSpace E>
Vectors<T, E> rows_for(E const& space, Vectors<T, E> const& from, Scalars<int, E> const& of) {
  auto const block =
      rows_for<T, E>(space, Blocks<T, E>(from.data(), from.extent(0), 1, from.extent(1)), of);
  if (from.extent(0) == 0) return from;
  auto const out = make_vectors<T>(space, "minfold::tangent_memory::vectors", int(of.extent(0)),
                                   int(from.extent(1)));
  Kokkos::deep_copy(space, out, Kokkos::subview(block, Kokkos::ALL, 0, Kokkos::ALL));
  return out;
}
template <class R, ExecutionSpace E>
Scalars<R, E> rows_for(E const& space, Scalars<R, E> const& from, Scalars<int, E> const& of) {
  int const rows = int(of.extent(0)), items = int(from.extent(0));
  if (items == 0) return from;
  auto const out = make_scalars<R>(space, "minfold::tangent_memory::records", rows);
  Kokkos::parallel_for(
      "minfold::tangent_memory::records", Kokkos::RangePolicy<E>(space, 0, rows),
      KOKKOS_LAMBDA(int row) { out(row) = from(of(row) % items); });
  return out;
}

/// The memory for a batch in which row belongs to item of(row) of the remembered one.
template <class T, ExecutionSpace E>
TangentMemory<T, E> memory_for(E const& space, TangentMemory<T, E> const& memory,
                               Scalars<int, E> const& of) {
  TangentMemory<T, E> m = memory;
  if (!memory.filled) return m;
  auto& t = m.tangent;
  t.spectral.vectors = rows_for<T, E>(space, t.spectral.vectors, of);
  t.spectral.values = rows_for<T, E>(space, t.spectral.values, of);
  t.spectral.first = rows_for<int, E>(space, t.spectral.first, of);
  t.spectral.records = rows_for<KernelRecord<T>, E>(space, t.spectral.records, of);
  t.basis.vectors = rows_for<T, E>(space, t.basis.vectors, of);
  t.basis.dimension = rows_for<int, E>(space, t.basis.dimension, of);
  t.values = rows_for<T, E>(space, t.values, of);
  t.records = rows_for<KernelRecord<T>, E>(space, t.records, of);
  m.projector.rows = rows_for<T, E>(space, m.projector.rows, of);
  m.projector.coefficients = make_blocks<T>(space, "minfold::tangent_memory::coefficients",
                                            int(of.extent(0)), 1, int(m.projector.rows.extent(1)));
  return m;
}

/// H at the point of a tangent space as the preconditioner of an H near by: the range and its eigenvalues, in
/// descending order. Not for representations without them.
template <class T, ExecutionSpace E>
Nystrom<T, E> preconditioner_of(E const& space, TangentSpace<T, E> const& t, int n) {
  int const items = int(t.records.extent(0));
  bool const spectral = t.representation == Representation::spectral;
  int const rank = std::max(n - kernel_dimensions(space, t.records, n).smallest, 1);
  Nystrom<T, E> p{{make_blocks<T>(space, "minfold::preconditioner::vectors", items, rank, n),
                   make_scalars<int>(space, "minfold::preconditioner::dimension", items)},
                  make_vectors<T>(space, "minfold::preconditioner::values", items, rank),
                  make_scalars<NystromRecord<T>>(space, "minfold::preconditioner::records", items)};
  auto const records = t.records;
  auto const vectors = spectral ? t.spectral.vectors : t.basis.vectors;
  auto const values = spectral ? t.spectral.values : t.values;
  auto const first = t.spectral.first;
  for_each_item(
      "minfold::preconditioner::copy", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        int const r = n - records(item).dimension;
        // Eigenvalues ascend, the kernel among them; Ritz values of a range basis descend.
        for (int j = 0; j < rank; ++j) {
          int const above = r - 1 - j;
          int const row = !spectral              ? j
                          : above >= first(item) ? above + records(item).dimension
                                                 : above;
          team_for(team, n, [&](int i) {
            p.basis.vectors(item, j, i) = j < r ? vectors(item, row, i) : T(0);
          });
          Kokkos::single(Kokkos::PerTeam(team),
                         [&] { p.values(item, j) = j < r ? values(item, row) : T(0); });
        }
        team.team_barrier();
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          NystromRecord<T> record;
          record.outcome = Outcome::converged;
          record.rank = r;
          record.norm_estimate = records(item).norm_estimate;
          record.largest = r > 0 ? p.values(item, 0) : T(0);
          record.smallest = r > 0 ? p.values(item, r - 1) : T(0);
          p.basis.dimension(item) = r;
          p.records(item) = record;
        });
      });
  return p;
}

/// Whether the remembered tangent space is that of every item at y: H times a random tangent vector u is
/// at rounding, or so small that the turn of the kernel, ||H u|| / (mu ||u||), is below `turn`. A product of
/// an item. A kernel that has grown since is not noticed: the caller must not certify with it.
template <class T, ExecutionSpace E>
bool still_tangent(E const& space, LowerHessian<T, E> const& h, TangentMemory<T, E>& memory,
                   T turn) {
  if (!memory.filled) return false;
  int const items = h.batch_size(), n = h.dim(), old = int(memory.tangent.records.extent(0));
  if (items != old) {
    // Candidate-major: rows of the same target are a multiple of the targets apart.
    if (items % old != 0 && old % items != 0) return false;
    auto const& v = memory.tangent.spectral.vectors;
    if (std::int64_t(items) * std::int64_t(v.extent(1)) * n > (std::int64_t(1) << 26)) return false;
    auto const of = make_scalars<int>(space, "minfold::tangent_memory::of", items);
    Kokkos::parallel_for(
        "minfold::tangent_memory::of", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item) { of(item) = item % old; });
    memory = memory_for<T, E>(space, memory, of);
  }
  auto const u = make_vectors<T>(space, "minfold::tangent_memory::probe", items, n);
  auto const image = make_vectors<T>(space, "minfold::tangent_memory::image", items, n);
  fill_sketch(space, as_block(u), 1, Stream::probe, 3, {});
  memory.projector(space, u);
  h.apply(space, Blocks<T const, E>(u.data(), items, 1, n),
          Blocks<T, E>(image.data(), items, 1, n));
  auto const records = memory.tangent.records;
  auto const turned = make_scalars<int>(space, "minfold::tangent_memory::turned", items);
  for_each_item(
      "minfold::tangent_memory::compare", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        T const left = team_norm(team, n, Kokkos::subview(image, item, Kokkos::ALL));
        T const size = team_norm(team, n, Kokkos::subview(u, item, Kokkos::ALL));
        auto const& r = records(item);
        T const rounding = T(64) * epsilon<T> * r.norm_estimate;
        bool const holds = left <= Kokkos::max(rounding, turn * r.smallest_kept) * size;
        Kokkos::single(Kokkos::PerTeam(team), [&] { turned(item) = holds ? 0 : 1; });
      });
  int count = 0;
  Kokkos::parallel_reduce(
      "minfold::tangent_memory::turned", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, int& sum) { sum += turned(item); }, count);
  memory.filled = count == 0;
  return memory.filled;
}

}  // namespace impl
}  // namespace minfold

#endif
