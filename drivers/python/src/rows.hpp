// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PYTHON_ROWS_HPP
#define MINFOLD_PYTHON_ROWS_HPP

#include <minfold/drivers/solve_record.hpp>

#include "arrays.hpp"

#include <cstdint>

namespace minfold::python {

/// ItemCertificate as plain data.
struct CertificateRow {
  std::int32_t verdict, kernel_dimension, candidates, rival;
  double lower_residual, distance_bound, gap, tangential_residual, nondegeneracy,
      smallest_curvature, uniqueness_margin, solve_residual, leakage;
};

/// Iteration as plain data, with the certificate and the sum of the counters.
struct IterationRow : CertificateRow {
  std::int32_t iteration, tied, certified, uncertain, refused, kernel_dimension_min;
  double upper, hypergradient_norm, target, step, directional_derivative, lower_gradient_norm,
      lower_gap, kkt_residual, penalty, seconds;
  std::int64_t values, gradients, hessian_products, mixed_products, second_products;
};

inline CertificateRow row_of(ItemCertificate const& c) {
  return {std::int32_t(c.verdict),
          c.kernel_dimension,
          c.candidates,
          c.rival,
          c.lower_residual,
          c.distance_bound,
          c.gap,
          c.tangential_residual,
          c.nondegeneracy,
          c.smallest_curvature,
          c.uniqueness_margin,
          c.solve_residual,
          c.leakage};
}

inline IterationRow row_of(Iteration const& it) {
  auto const& c = it.certificate;
  auto const work = total(it.counters);
  return {row_of(static_cast<ItemCertificate const&>(c)),
          it.iteration,
          it.tied,
          c.certified,
          c.uncertain,
          c.refused,
          c.kernel_dimension_min,
          it.upper,
          it.hypergradient_norm,
          it.target,
          it.step,
          it.directional_derivative,
          it.lower_gradient_norm,
          it.lower_gap,
          it.kkt_residual,
          it.penalty,
          it.seconds,
          work.values,
          work.gradients,
          work.hessian_products,
          work.mixed_products,
          work.second_products};
}

#define MINFOLD_PYTHON_ADD(name) layout.add(#name, &Row::name);

template <class Row>
void add_certificate(LayoutOf<Row>& layout) {
  MINFOLD_PYTHON_ADD(verdict)
  MINFOLD_PYTHON_ADD(kernel_dimension)
  MINFOLD_PYTHON_ADD(candidates)
  MINFOLD_PYTHON_ADD(rival)
  MINFOLD_PYTHON_ADD(lower_residual)
  MINFOLD_PYTHON_ADD(distance_bound)
  MINFOLD_PYTHON_ADD(gap)
  MINFOLD_PYTHON_ADD(tangential_residual)
  MINFOLD_PYTHON_ADD(nondegeneracy)
  MINFOLD_PYTHON_ADD(smallest_curvature)
  MINFOLD_PYTHON_ADD(uniqueness_margin)
  MINFOLD_PYTHON_ADD(solve_residual)
  MINFOLD_PYTHON_ADD(leakage)
}

inline nb::dict certificate_layout() {
  LayoutOf<CertificateRow> layout;
  add_certificate(layout);
  return layout.description();
}

inline nb::dict iteration_layout() {
  using Row = IterationRow;
  LayoutOf<Row> layout;
  MINFOLD_PYTHON_ADD(iteration)
  MINFOLD_PYTHON_ADD(upper)
  MINFOLD_PYTHON_ADD(hypergradient_norm)
  MINFOLD_PYTHON_ADD(target)
  MINFOLD_PYTHON_ADD(step)
  MINFOLD_PYTHON_ADD(directional_derivative)
  MINFOLD_PYTHON_ADD(tied)
  add_certificate(layout);
  MINFOLD_PYTHON_ADD(kernel_dimension_min)
  MINFOLD_PYTHON_ADD(certified)
  MINFOLD_PYTHON_ADD(uncertain)
  MINFOLD_PYTHON_ADD(refused)
  MINFOLD_PYTHON_ADD(lower_gradient_norm)
  MINFOLD_PYTHON_ADD(lower_gap)
  MINFOLD_PYTHON_ADD(kkt_residual)
  MINFOLD_PYTHON_ADD(penalty)
  MINFOLD_PYTHON_ADD(values)
  MINFOLD_PYTHON_ADD(gradients)
  MINFOLD_PYTHON_ADD(hessian_products)
  MINFOLD_PYTHON_ADD(mixed_products)
  MINFOLD_PYTHON_ADD(second_products)
  MINFOLD_PYTHON_ADD(seconds)
  return layout.description();
}

#undef MINFOLD_PYTHON_ADD

}  // namespace minfold::python

#endif
