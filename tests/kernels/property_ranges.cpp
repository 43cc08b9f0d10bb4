// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/range_finder.hpp>
#include <minfold/kernels/symmetric_eigen.hpp>

#include "property.hpp"

namespace minfold::test {
namespace {

/// Lower bound of ||(I - Q Q^T) A||, close to it: power iteration.
template <class T>
double range_residual(Truth<T> const& t, std::vector<Vec> const& q) {
  auto const off = [&](Vec v) {
    for (auto const& basis : q) v = minus(v, times(dot(basis, v), basis));
    return v;
  };
  auto x = normals(t.draw.seed, 200, t.n());
  double size = 0;
  for (int step = 0; step < 30; ++step) {
    double const length = norm(x);
    if (length == 0) break;
    x = times(1 / length, x);
    auto const image = off(t.multiply(x));
    size = std::max(size, norm(image));
    x = t.multiply(off(image));
  }
  return size;
}

}  // namespace

template <class T>
void try_range_finder(std::uint64_t seed, int which, Findings& found) {
  // Pivoted Cholesky is for matrices that the caller knows to be semidefinite.
  bool const pivoted = which > 1;
  Batch<T> const batch(seed, {.semidefinite = pivoted});
  char const* const names[] = {"range_finder tolerance", "range_finder rank",
                               "range_finder pivoted tolerance", "range_finder pivoted rank"};
  std::string const name = names[which];
  int const n = batch.n, capacity = chance(seed, 4, 0.7) ? n : pick(seed, 5, 1, n);
  auto const basis = new_basis<T>(batch.count(), capacity, n);
  Vectors<T, Space> const values("test::values", batch.count(), capacity);
  Scalars<RangeRecord<T>, Space> const records("test::records", batch.count());
  RangeFinderOptions<T> const options{
      .rank = which % 2 == 0 ? 0 : pick(seed, 8, 1, capacity),
      .tolerance = batch.kernel_tolerance,
      .power_iterations = pick(seed, 9, 0, 2),
      .seed = seed,
      .method = pivoted ? RangeMethod::pivoted_cholesky : RangeMethod::sketch,
      .semidefinite = pivoted};
  if (pivoted || chance(seed, 7, 0.5))
    range_finder(Space(), DenseOperator(batch.matrices), basis, values, records, options);
  else
    range_finder(Space(), InBulk<T>{batch.matrices}, basis, values, records, options);
  auto const vectors = on_host(basis.vectors);
  auto const ritz = on_host(values);
  auto const rs = on_host(records);
  for (int item = 0; item < batch.count(); ++item) {
    auto const& r = rs(item);
    auto const& t = batch.items[item];
    auto const expect = [&](bool holds, auto const&... words) {
      found.expect(holds, t.draw, name, words..., "outcome", r.outcome, "rank", r.rank,
                   "record gap", r.gap, "tolerance", options.tolerance);
    };
    found.count(name, r.outcome == Outcome::converged);
    std::vector<Vec> q;
    for (int j = 0; j < capacity; ++j) {
      q.push_back(row(vectors, item, j));
      expect(all_finite(q[j]) && std::isfinite(ritz(item, j)), "not finite");
    }
    if (r.outcome != Outcome::converged) continue;
    expect(!t.draw.poison, "certifies what is not finite");
    if (t.draw.poison) continue;
    q.resize(r.rank);
    double orthogonality = 0;
    for (int j = 0; j < r.rank; ++j)
      for (int l = 0; l <= j; ++l)
        orthogonality = std::max(orthogonality, std::abs(dot(q[j], q[l]) - (l == j)));
    double const loose = 16 * std::sqrt(double(n)) * epsilon<T>;
    expect(orthogonality <= loose, "orthogonality", orthogonality);
    expect(std::abs(r.orthogonality - orthogonality) <= 0.1 * loose, "orthogonality", orthogonality,
           "recorded", r.orthogonality);
    double const size = r.norm_estimate, bound = r.range_residual * size + t.rounded;
    expect(size <= 1.001 * t.norm && size >= 0.3 * t.norm, "norm", size, "of", t.norm);
    double const residual = range_residual(t, q);
    expect(residual <= bound, "range residual", residual / size, "recorded", r.range_residual);
    for (int j = 0; j < r.rank; ++j)
      expect(std::abs(std::abs(ritz(item, j)) - t.magnitude(n - 1 - j)) <= 2 * bound, "value", j,
             ritz(item, j), "of", t.magnitude(n - 1 - j));
    if (options.rank > 0) continue;
    expect(residual <= 2 * options.tolerance * t.norm + t.rounded, "range residual",
           residual / t.norm);
    double const dropped = std::max(t.magnitude(n - r.rank - 1) - t.rounded, t.rounded);
    expect(r.rank == 0 || (t.magnitude(n - r.rank) + t.rounded) / dropped >= 5, "gap is",
           (t.magnitude(n - r.rank) + t.rounded) / dropped);
  }
}

template <class T>
void try_symmetric_eigen(std::uint64_t seed, int which, Findings& found) {
  Batch<T> const batch(seed);
  std::string const name = which == 0 ? "symmetric_eigen jacobi" : "symmetric_eigen lapack";
  int const n = batch.n;
  Blocks<T, Space> const a("test::a", batch.count(), n, n);
  Kokkos::deep_copy(a, batch.matrices);
  Vectors<T, Space> const w("test::w", batch.count(), n);
  Scalars<EigenRecord<T>, Space> const records("test::records", batch.count());
  symmetric_eigen(Space(), a, w, records,
                  {.method = which == 0 ? EigenMethod::jacobi : EigenMethod::lapack});
  auto const vectors = on_host(a);
  auto const values = on_host(w);
  auto const rs = on_host(records);
  for (int item = 0; item < batch.count(); ++item) {
    auto const& t = batch.items[item];
    auto const& r = rs(item);
    auto const expect = [&](bool holds, auto const&... words) {
      found.expect(holds, t.draw, name, words..., "outcome", r.outcome);
    };
    found.count(name, r.outcome == Outcome::converged);
    for (int j = 0; j < n; ++j)
      expect(all_finite(row(vectors, item, j)) && std::isfinite(values(item, j)), "not finite");
    if (r.outcome != Outcome::converged) continue;
    expect(!t.draw.poison, "certifies what is not finite");
    if (t.draw.poison) continue;
    auto exact = t.planted.values;
    std::sort(exact.begin(), exact.end());
    // Of xSYEVD of LAPACK 3.12, 4.1 sqrt(n) eps ||A|| was seen, at n = 5, by either triangle 3.3 in 12,000 draws;
    // the eigenvalues of these matrices, in long double, are the planted ones to a tenth of that.
    double const moved = which == 0 ? t.rounded : 2 * t.rounded;
    expect(std::abs(r.norm - t.norm) <= moved, "norm", r.norm, "of", t.norm);
    double residual = 0;
    for (int j = 0; j < n; ++j) {
      auto const v = row(vectors, item, j);
      expect(std::abs(values(item, j) - exact[j]) <= moved, "value", values(item, j), "of",
             exact[j]);
      residual = std::max(residual, norm(minus(t.multiply(v), times(values(item, j), v))));
      for (int l = 0; l <= j; ++l)
        expect(std::abs(dot(v, row(vectors, item, l)) - (l == j)) <= 8.0 * n * double(epsilon<T>),
               "orthogonality", dot(v, row(vectors, item, l)));
    }
    expect(residual <= 2 * t.rounded, "residual", residual / t.norm);
    expect(std::abs(residual - r.residual * t.norm) <= t.rounded, "residual", residual / t.norm,
           "recorded", r.residual);
  }
}

template <class T>
void try_orthonormalize(std::uint64_t seed, int, Findings& found) {
  // A times random vectors: they span the range, n or more of them are dependent.
  Batch<T> const batch(seed);
  std::string const name = "orthonormalize";
  int const n = batch.n, columns = pick(seed, 5, 1, n + 4);
  Blocks<T, Space> const w("test::w", batch.count(), columns, n);
  auto const host = Kokkos::create_mirror_view(w);
  for (int item = 0; item < batch.count(); ++item)
    for (int j = 0; j < columns; ++j) {
      auto const v = batch.items[item].multiply(normals(batch.items[item].draw.seed, 300 + j, n));
      for (int i = 0; i < n; ++i) host(item, j, i) = T(v[i]);
    }
  Kokkos::deep_copy(w, host);
  auto const before = on_host(w);
  std::vector<std::vector<Vec>> given;
  for (int item = 0; item < batch.count(); ++item) {
    given.emplace_back();
    for (int j = 0; j < columns; ++j) given[item].push_back(row(before, item, j));
  }
  Scalars<OrthonormalizeRecord<T>, Space> const records("test::records", batch.count());
  OrthonormalizeOptions<T> const options{
      .relative_tolerance =
          T(chance(seed, 6, 0.5) ? 16 * double(epsilon<T>) : log_uniform(seed, 7, -5, -2))};
  orthonormalize(Space(), w, records, options);
  auto const after = on_host(w);
  auto const rs = on_host(records);
  for (int item = 0; item < batch.count(); ++item) {
    auto const& t = batch.items[item];
    auto const& r = rs(item);
    auto const expect = [&](bool holds, auto const&... words) {
      found.expect(holds, t.draw, name, words..., "columns", columns, "rank", r.rank);
    };
    bool const converged = r.outcome == Outcome::converged;
    found.count(name, converged);
    bool finite = true;
    double largest = 0;
    for (auto const& v : given[item]) {
      finite = finite && all_finite(v);
      largest = std::max(largest, norm(v));
    }
    std::vector<Vec> q;
    for (int j = 0; j < columns; ++j) {
      q.push_back(row(after, item, j));
      expect(all_finite(q[j]), "not finite");
      if (j >= r.rank) expect(norm(q[j]) == 0, "what is no basis is not zero");
    }
    if (!converged) continue;
    expect(finite, "certifies what is not finite");
    if (!finite) continue;
    expect(r.rank <= std::min(n, columns), "rank");
    double const rounding = 16 * std::sqrt(double(n)) * epsilon<T>;
    expect(std::abs(r.largest - largest) <= rounding * largest, "largest", r.largest, largest);
    if (r.rank > 0)
      expect(r.smallest_kept >= 0.999 * options.relative_tolerance * largest, "smallest kept",
             r.smallest_kept / largest);
    for (int j = 0; j < r.rank; ++j)
      for (int l = 0; l <= j; ++l)
        expect(std::abs(dot(q[j], q[l]) - (l == j)) <= rounding, "orthogonality", dot(q[j], q[l]));
    if (r.rank == n) continue;
    for (auto const& v : given[item]) {
      Vec rest = v;
      for (int j = 0; j < r.rank; ++j) rest = minus(rest, times(dot(q[j], rest), q[j]));
      expect(norm(rest) <= (1.01 * options.relative_tolerance + rounding) * largest,
             "outside the span", norm(rest) / largest);
    }
  }
}

template void try_range_finder<float>(std::uint64_t, int, Findings&);
template void try_range_finder<double>(std::uint64_t, int, Findings&);
template void try_symmetric_eigen<float>(std::uint64_t, int, Findings&);
template void try_symmetric_eigen<double>(std::uint64_t, int, Findings&);
template void try_orthonormalize<float>(std::uint64_t, int, Findings&);
template void try_orthonormalize<double>(std::uint64_t, int, Findings&);

}  // namespace minfold::test
