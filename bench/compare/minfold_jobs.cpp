// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/workspace.hpp>
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/pinv_cg.hpp>
#include <minfold/kernels/range_finder.hpp>

#include "compare/matrix_free.hpp"
#include "compare/problem.hpp"

#include <memory>
#include <sstream>
#include <string>

namespace minfold::bench {
namespace {

using Dense = DenseOperator<Blocks<double, Space>>;
template <template <class> class Record>
using Records = Scalars<Record<double>, Space>;

template <class R>
void complain(Space const& space, char const* what, R const& records, std::string& complaint) {
  auto const summary = summarize(space, records);
  if (summary.all(Outcome::converged)) return;
  std::ostringstream text;
  text << what << " " << summary;
  complaint = text.str();
}

template <class R>
long products_of(Space const& space, R const& records) {
  return long(summarize(space, records).products);
}

/// The basis and its dimensions, brought to the host.
void fetch(Space const& space, Basis<double, Space> const& basis, Answer& answer) {
  answer.basis = to_host(space, basis.vectors);
  auto const dimension = to_host(space, basis.dimension);
  for (std::size_t item = 0; item < dimension.extent(0); ++item)
    answer.dimension.push_back(dimension(item));
}

Basis<double, Space> new_basis(int items, int capacity, int n) {
  return {Blocks<double, Space>("bench::basis", items, capacity, n),
          Scalars<int, Space>("bench::dimension", items)};
}

Contender kernel_and_pinv_contender(Problem const& p, Space const& space) {
  Shape const s = p.what.shape;
  Dense const h{p.matrix};
  auto const b = Kokkos::subview(p.rhs, Kokkos::ALL, 0, Kokkos::ALL);
  Vectors<double, Space> const rhs(b.data(), s.items, s.n), z("bench::z", s.items, s.n);
  auto const basis = new_basis(s.items, s.kernel, s.n);
  Records<SolveRecord> const records("bench::records", s.items);
  Records<KernelRecord> const kernels("bench::kernels", s.items);
  auto const solve = [=] {
    minfold::kernel_and_pinv(space, h, rhs, z, basis, records, kernels);
    space.fence("bench::kernel_and_pinv");
  };
  auto const answer = [=] {
    Answer a;
    fetch(space, basis, a);
    a.z = HostBlocks("bench::answer", s.items, 1, s.n);
    auto const host = to_host(space, z);
    std::copy(host.data(), host.data() + host.size(), a.z.data());
    complain(space, "kernel:", kernels, a.complaint);
    complain(space, "solve:", records, a.complaint);
    return a;
  };
  return {"minfold", solve, answer};
}

Contender range_contender(Problem const& p, Space const& space) {
  Shape const s = p.what.shape;
  int const rank = s.n - s.kernel;
  Dense const h{p.matrix};
  auto const basis = new_basis(s.items, rank + 8, s.n);
  Vectors<double, Space> const values("bench::values", s.items, rank + 8);
  Records<RangeRecord> const records("bench::records", s.items);
  RangeFinderOptions<double> options;  // the rank is found, not told
  options.semidefinite = true;
  auto const solve = [=] {
    minfold::range_finder(space, h, basis, values, records, options);
    space.fence("bench::range_finder");
  };
  auto const answer = [=] {
    Answer a;
    fetch(space, basis, a);
    complain(space, "range:", records, a.complaint);
    return a;
  };
  return {"minfold", solve, answer};
}

Contender cg_contender(Problem const& p, Space const& space) {
  Shape const s = p.what.shape;
  Dense const h{p.matrix};
  Blocks<double, Space> const rhs = p.rhs, z("bench::z", s.items, s.columns, s.n);
  Records<SolveRecord> const records("bench::records", s.items * s.columns);
  PinvCgOptions<double> const options{.relative_tolerance = cg_tolerance};
  auto const solve = [=] {
    if (s.columns == 1)  // the usual call, with vectors
      minfold::pinv_cg(space, h, Vectors<double, Space>(rhs.data(), s.items, s.n),
                       Vectors<double, Space>(z.data(), s.items, s.n), records, options);
    else
      minfold::pinv_cg(space, h, rhs, z, records, options);
    space.fence("bench::pinv_cg");
  };
  auto const answer = [=] {
    Answer a;
    a.z = to_host(space, z);
    a.products = products_of(space, records);
    complain(space, "solve:", records, a.complaint);
    return a;
  };
  return {"minfold", solve, answer};
}

/// What is known of the kernel and of the spectrum, and so need not be found.
struct Known {
  std::string name = "minfold";
  bool dimension = false, bounds = false;
};

/// A small kernel, its dimension not told; or as many vectors of a large one as are asked for.
Contender matrix_free_contender(Problem const& p, Space const& space, Known const& known = {}) {
  Shape const s = p.what.shape;
  auto const h = operator_of(p);
  bool const large = s.kernel > s.columns;
  auto const basis = new_basis(1, large ? s.columns : 16, s.n);
  Records<KernelRecord> const records("bench::records", 1);
  auto const options = std::make_shared<KernelBasisOptions<double>>();
  options->method = KernelMethod::randomized;
  options->basis_tolerance = cg_tolerance;  // no vector is brought further than the peer's
  if (large) {
    options->block = s.columns;
    options->probes = 0;
  } else if (known.dimension) {
    options->block = s.kernel + options->probes;
  }
  if (known.bounds) {
    options->smallest_nonzero = 1 / s.condition;
    options->largest = 1;
  }
  auto const solve = [=] {
    *h.counted = {};
    minfold::kernel_basis(space, h, basis, records, *options);
    space.fence("bench::matrix_free_kernel");
  };
  auto const answer = [=] {
    Answer a;
    fetch(space, basis, a);
    a.products = h.counted->products;
    a.product_seconds = h.counted->seconds;
    // That there is more of a large kernel is what the record has to say.
    if (!large || to_host(space, records)(0).outcome != Outcome::rank_limit)
      complain(space, "kernel:", records, a.complaint);
    return a;
  };
  return {known.name, solve, answer,
          [=](double tolerance) { options->basis_tolerance = tolerance; }};
}

Contender contender_of(Problem const& problem, Space const& space) {
  switch (problem.what.job) {
    case Job::kernel_and_pinv: return kernel_and_pinv_contender(problem, space);
    case Job::range_basis: return range_contender(problem, space);
    case Job::cg:
    case Job::cg_block: return cg_contender(problem, space);
    case Job::matrix_free_kernel: return matrix_free_contender(problem, space);
    case Job::nystrom: return nystrom_contender(problem);
  }
  return {};
}

}  // namespace

Contender with_workspace(Space const& space, Contender contender) {
  auto const workspace = std::make_shared<Workspace<Space>>(space);
  contender.solve = [workspace, solve = std::move(contender.solve)] {
    auto const in_use = workspace->use();
    solve();
  };
  return contender;
}

Contender minfold_contender(Problem const& problem, Space const& space) {
  return with_workspace(space, contender_of(problem, space));
}

void add_informed_kernels(Problem const& p, Contenders& peers) {
  if (p.what.job != Job::matrix_free_kernel || p.what.shape.kernel > p.what.shape.columns) return;
  for (auto const& known : {Known{"k_told", true, false}, Known{"bounds", false, true},
                            Known{"k_and_bounds", true, true}})
    peers.push_back(with_workspace(Space(), matrix_free_contender(p, Space(), known)));
}

void add_single_solves(Problem const& p, Contenders& peers) {
  if (p.what.job != Job::cg_block) return;
  Space const space;
  Shape const s = p.what.shape;
  Dense const h{p.matrix};
  // Column after column, each as (items, n).
  Blocks<double, Space> const rhs("bench::single::rhs", s.columns, s.items, s.n),
      z("bench::single::z", s.columns, s.items, s.n);
  for (int c = 0; c < s.columns; ++c)
    Kokkos::deep_copy(Kokkos::subview(rhs, c, Kokkos::ALL, Kokkos::ALL),
                      Kokkos::subview(p.rhs, Kokkos::ALL, c, Kokkos::ALL));
  Records<SolveRecord> const records("bench::single::records", s.items);
  auto const solve = [=] {
    for (int c = 0; c < s.columns; ++c)
      minfold::pinv_cg(
          space, h,
          Vectors<double, Space>(rhs.data() + std::size_t(c) * s.items * s.n, s.items, s.n),
          Vectors<double, Space>(z.data() + std::size_t(c) * s.items * s.n, s.items, s.n), records,
          PinvCgOptions<double>{.relative_tolerance = cg_tolerance});
    space.fence("bench::single_solves");
  };
  auto const answer = [=] {
    Answer a;
    auto const host = to_host(space, z);
    a.z = HostBlocks("bench::answer", s.items, s.columns, s.n);
    for (int c = 0; c < s.columns; ++c)
      for (int item = 0; item < s.items; ++item)
        for (int i = 0; i < s.n; ++i) a.z(item, c, i) = host(c, item, i);
    complain(space, "last solve:", records, a.complaint);
    return a;
  };
  peers.push_back(with_workspace(space, {"single_solves", solve, answer}));
}

}  // namespace minfold::bench
