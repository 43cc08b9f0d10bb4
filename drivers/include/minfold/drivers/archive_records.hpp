// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_ARCHIVE_RECORDS_HPP
#define MINFOLD_DRIVERS_ARCHIVE_RECORDS_HPP

#include <minfold/drivers/solve_record.hpp>
#include <minfold/drivers/state_archive.hpp>

/// What the records of a solve hold, for StateArchive::rows.
namespace minfold {

template <class A>
void visit_members(A& a, ItemCertificate& c) {
  a("lower_residual", c.lower_residual);
  a("distance_bound", c.distance_bound);
  a("kernel_dimension", c.kernel_dimension);
  a("gap", c.gap);
  a("tangential_residual", c.tangential_residual);
  a("nondegeneracy", c.nondegeneracy);
  a("smallest_curvature", c.smallest_curvature);
  a("uniqueness_margin", c.uniqueness_margin);
  a("solve_residual", c.solve_residual);
  a("leakage", c.leakage);
  a("candidates", c.candidates);
  a("rival", c.rival);
  a("verdict", c.verdict);
  a("reasons", c.reasons);
}

template <class A>
void visit_members(A& a, Certificate& c) {
  visit_members(a, static_cast<ItemCertificate&>(c));
  a("certified", c.certified);
  a("uncertain", c.uncertain);
  a("refused", c.refused);
  a("kernel_dimension_min", c.kernel_dimension_min);
}

template <class A>
void visit_members(A& a, StageCounters& stages) {
  for (int s = 0; s < stage_count; ++s) {
    auto const name = "stage_" + std::to_string(s) + "/";
    auto& c = stages[s];
    a(name + "values", c.values);
    a(name + "gradients", c.gradients);
    a(name + "hessian_products", c.hessian_products);
    a(name + "mixed_products", c.mixed_products);
    a(name + "second_products", c.second_products);
    a(name + "seconds", c.seconds);
  }
}

template <class A>
void visit_members(A& a, Iteration& it) {
  a("iteration", it.iteration);
  a("upper", it.upper);
  a("hypergradient_norm", it.hypergradient_norm);
  a("target", it.target);
  a("step", it.step);
  a("tied", it.tied);
  a("directional_derivative", it.directional_derivative);
  visit_members(a, it.certificate);
  visit_members(a, it.counters);
  a("seconds", it.seconds);
  a("lower_gradient_norm", it.lower_gradient_norm);
  a("lower_gap", it.lower_gap);
  a("kkt_residual", it.kkt_residual);
  a("penalty", it.penalty);
}

}  // namespace minfold

#endif
