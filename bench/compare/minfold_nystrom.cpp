// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/dense_operator.hpp>
#include <minfold/kernels/pinv_pcg.hpp>

#include "compare/problem.hpp"

#include <sstream>

namespace minfold::bench {

namespace {

Answer answer_with(Space const& space, Blocks<double, Space> const& z,
                   Scalars<SolveRecord<double>, Space> const& records) {
  Answer a;
  a.z = to_host(space, z);
  auto const summary = summarize(space, records);
  a.products = long(summary.products);
  if (!summary.all(Outcome::converged)) {
    std::ostringstream text;
    text << "solve: " << summary;
    a.complaint = text.str();
  }
  return a;
}

}  // namespace

/// Sketch and solve together, the smallest eigenvalue known: as after kernel_basis.
Contender nystrom_contender(Problem const& p) {
  Space const space;
  Shape const s = p.what.shape;
  DenseOperator<Blocks<double, Space>> const h{p.matrix};
  Blocks<double, Space> const rhs = p.rhs, z("bench::z", s.items, s.columns, s.n);
  Scalars<SolveRecord<double>, Space> const records("bench::records", s.items * s.columns);
  auto const sketched = std::make_shared<long>(0);
  auto const solve = [=] {
    auto const approximation =
        nystrom(space, h,
                NystromOptions<double>{
                    .columns = s.columns, .smallest = 1 / s.condition, .tolerance = cg_tolerance});
    pinv_pcg(space, h, approximation, rhs, z, records,
             PinvPcgOptions<double>{.relative_tolerance = cg_tolerance});
    space.fence("bench::nystrom");
    *sketched = 0;
    auto const host = to_host(space, approximation.records);
    for (std::size_t item = 0; item < host.extent(0); ++item) *sketched += host(item).products;
  };
  auto const answer = [=] {
    Answer a = answer_with(space, z, records);
    a.products += *sketched;
    return a;
  };
  return {"minfold", solve, answer};
}

void add_plain_cg(Problem const& p, Contenders& peers) {
  if (p.what.job != Job::nystrom) return;
  Space const space;
  Shape const s = p.what.shape;
  DenseOperator<Blocks<double, Space>> const h{p.matrix};
  Blocks<double, Space> const rhs = p.rhs, z("bench::z", s.items, s.columns, s.n);
  Scalars<SolveRecord<double>, Space> const records("bench::records", s.items * s.columns);
  auto const solve = [=] {
    pinv_cg(space, h, Vectors<double, Space>(rhs.data(), s.items, s.n),
            Vectors<double, Space>(z.data(), s.items, s.n), records,
            PinvCgOptions<double>{.relative_tolerance = cg_tolerance});
    space.fence("bench::plain_cg");
  };
  peers.push_back(
      with_workspace(space, {"plain_cg", solve, [=] { return answer_with(space, z, records); }}));
}

}  // namespace minfold::bench
