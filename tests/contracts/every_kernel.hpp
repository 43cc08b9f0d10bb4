// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_EVERY_KERNEL_HPP
#define MINFOLD_TESTS_EVERY_KERNEL_HPP

#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/pinv_pcg.hpp>
#include <minfold/kernels/range_finder.hpp>
#include <minfold/kernels/tangent_space.hpp>

#include "support/records.hpp"
#include "support/solve.hpp"

#include <cstdint>
#include <cstring>
#include <map>
#include <string>

/// All public kernels on one instance, and what came out, bit by bit.
namespace minfold::test {

/// FNV-1a over the bits of what each kernel has written.
class Fingerprint {
 public:
  /// no: a run that is watched for what the kernels do has no copies to the host between them.
  enum class Look { no, yes };

  explicit Fingerprint(Look look = Look::yes) : look_(look) {}

  template <class V>
  void add(std::string const& kernel, V const& view) {
    if (look_ == Look::no) return;
    auto const host = on_host(view);
    auto& hash = hashes_.try_emplace(kernel, 14695981039346656037ull).first->second;
    for (std::size_t i = 0; i < host.size(); ++i)
      std::apply([&](auto const&... member) { (add_bits(hash, member), ...); },
                 members(host.data()[i]));
  }
  std::map<std::string, std::uint64_t> const& hashes() const { return hashes_; }

 private:
  template <class M>
  static void add_bits(std::uint64_t& hash, M const& member) {
    unsigned char bytes[sizeof(M)];
    std::memcpy(bytes, &member, sizeof(M));
    for (unsigned char const byte : bytes) hash = (hash ^ byte) * 1099511628211ull;
  }

  Look look_;
  std::map<std::string, std::uint64_t> hashes_;
};

/// `items` matrices of order n with kernels of different dimensions.
struct Work {
  int items, n;
  Blocks<double, Space> matrices;
  Vectors<double, Space> b;

  Work(int count, int order) : items(count), n(order) {
    std::vector<Planted> planted_items;
    std::vector<Vec> rhs;
    for (int i = 0; i < items; ++i) {
      planted_items.push_back(planted(std::uint64_t(500 + i), n, (i * n) / (items + 1), 100));
      rhs.push_back(planted_items[i].range_part(normals(51, i, n)));
    }
    matrices = to_matrices(matrices_of(planted_items), n);
    b = to_vectors(rhs);
  }
};

template <ExecutionSpace E>
void run_every_kernel(E const& space, Work const& work, Fingerprint& print) {
  int const items = work.items, n = work.n;
  DenseOperator const a(work.matrices);
  InBulk<double> const bulk{work.matrices};
  ByTeam<double> const team{work.matrices};
  auto const vectors = [&] { return Vectors<double, Space>("test::v", items, n); };
  Scalars<SolveRecord<double>, Space> const solves("test::solves", items);
  Scalars<KernelRecord<double>, Space> const kernels("test::kernels", items);
  auto const z = vectors(), part = vectors();
  for (Path const path : {Path::fused, Path::bulk}) {
    std::string const name = path == Path::fused ? " fused" : " bulk";
    pinv_cg(space, a, work.b, z, solves, {.path = path});
    print.add("pinv_cg" + name, z);
    print.add("pinv_cg" + name, solves);
    pinv_cgls(space, a, work.b, z, part, solves, {.max_iterations = 300, .path = path});
    print.add("pinv_cgls" + name, z);
    print.add("pinv_cgls" + name, part);
  }
  pinv_direct(space, a, work.b, z, solves, kernels);
  print.add("pinv_direct", z);
  print.add("pinv_direct", kernels);
  auto const basis = new_basis<double>(items, n, n);
  for (auto const method : {FactorMethod::packed, FactorMethod::blocked, FactorMethod::pivoted,
                            FactorMethod::team, FactorMethod::spectral}) {
    std::string const name = "kernel_and_pinv " + std::to_string(int(method));
    kernel_and_pinv(space, a, work.b, z, basis, solves, kernels, {.method = method});
    print.add(name, z);
    print.add(name, basis.vectors);
    print.add(name, solves);
    print.add(name, kernels);
  }
  for (auto const method : {KernelMethod::direct, KernelMethod::randomized}) {
    std::string const name = method == KernelMethod::direct ? " direct" : " randomized";
    kernel_basis(space, bulk, basis, kernels, {.method = method});
    print.add("kernel_basis" + name, basis.vectors);
    print.add("kernel_basis" + name, kernels);
  }
  kernel_basis(space, team, basis, kernels, {.method = KernelMethod::randomized});
  print.add("kernel_basis by team", basis.vectors);
  pinv_cg(space, team, work.b, z, solves, {}, basis);
  print.add("pinv_cg with basis", z);
  // Sketches that grow, and one of a given width.
  for (int const rank : {0, 6})
    for (bool const dense : {true, false}) {
      std::string const name = (dense ? " dense " : " in bulk ") + std::to_string(rank);
      auto const precondition = [&](auto const& h) {
        auto const u = nystrom(
            space, h, NystromOptions<double>{.rank = rank, .columns = 64, .smallest = 1e-2});
        print.add("nystrom" + name, u.basis.vectors);
        print.add("nystrom" + name, u.values);
        print.add("nystrom" + name, u.records);
        pinv_pcg(space, h, u, work.b, z, solves, {.max_iterations = 300}, basis);
        print.add("pinv_pcg" + name, z);
        print.add("pinv_pcg" + name, solves);
      };
      if (dense)
        precondition(a);
      else
        precondition(bulk);
    }
  Scalars<RangeRecord<double>, Space> const ranges("test::ranges", items);
  Vectors<double, Space> const values("test::values", items, n);
  for (int rank : {0, 5}) {
    range_finder(space, bulk, basis, values, ranges, {.rank = rank});
    print.add("range_finder", basis.vectors);
    print.add("range_finder", ranges);
    range_finder(space, a, basis, values, ranges, {.rank = rank, .semidefinite = true});
    print.add("range_finder of a semidefinite matrix", basis.vectors);
    print.add("range_finder of a semidefinite matrix", values);
    print.add("range_finder of a semidefinite matrix", ranges);
  }
  Blocks<double, Space> const copy("test::copy", items, n, n);
  Scalars<EigenRecord<double>, Space> const eigen("test::eigen", items);
  for (auto const method : {EigenMethod::jacobi, EigenMethod::lapack}) {
    if (method == EigenMethod::jacobi && n > 80) continue;
    Kokkos::deep_copy(space, copy, work.matrices);
    symmetric_eigen(space, copy, z, eigen, {.method = method});
    print.add("symmetric_eigen", copy);
    print.add("symmetric_eigen", z);
    print.add("symmetric_eigen", eigen);
  }
  Kokkos::deep_copy(space, copy, work.matrices);
  Scalars<OrthonormalizeRecord<double>, Space> const orthonormal("test::orthonormal", items);
  orthonormalize(space, copy, orthonormal);
  print.add("orthonormalize", copy);
  print.add("orthonormalize", orthonormal);
  for (auto const representation :
       {Representation::automatic, Representation::spectral, Representation::kernel_basis,
        Representation::range_basis, Representation::implicit}) {
    auto const t = tangent_space(space, bulk, {.representation = representation});
    print.add("tangent_space", t.records);
    Blocks<double, Space> const zb("test::z", items, 1, n), kb("test::k", items, 1, n);
    Kokkos::View<double const***, Kokkos::LayoutRight, typename Space::memory_space> const rhs(
        work.b.data(), items, 1, n);
    tangent_solve(space, bulk, t, Blocks<double const, Space>(rhs), zb, kb, solves);
    print.add("tangent_solve", zb);
    print.add("tangent_solve", kb);
    print.add("tangent_solve", solves);
  }
  auto const summary = summarize(space, solves);
  static_cast<void>(summary);
}

}  // namespace minfold::test

#endif
