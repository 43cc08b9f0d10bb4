// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_REWEIGHTING_HPP
#define MINFOLD_PROBLEMS_REWEIGHTING_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/dual.hpp>
#include <minfold/problems/joint.hpp>

namespace minfold {

/// Which mixture of training sources serves a validation set, for an over-parameterized linear
/// model (closed-form test T8, DERIVED): x are logits, p = softmax(x), y the model,
///   g = sum_i p_i L_i(y),  L_i = 1/2 |A_i y - b_i|^2,  A_i = M_i B with one B of q < d rows
///   f = 1/2 |A_v y - b_v|^2
/// The lower Hessian has rank q, S(x) is affine of dimension k = d - q.
template <class T, ExecutionSpace E>
struct Reweighting {
  Blocks<T const, E> inputs;              ///< A: sources x samples x d
  Vectors<T const, E> outputs;            ///< b: sources x samples
  Vectors<T const, E> validation_inputs;  ///< A_v: validation samples x d
  Scalars<T const, E> validation_outputs;

  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return int(inputs.extent(0)); }
  KOKKOS_FUNCTION int dim_y() const { return int(inputs.extent(2)); }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    using S = joint_t<X, Y>;
    int const samples = int(inputs.extent(1)), d = dim_y();
    // p does not change when all logits are shifted alike; this shift keeps exp in range.
    T shift = plain_value(x(0));
    for (int i = 1; i < dim_x(); ++i) shift = max(shift, T(plain_value(x(i))));
    element_t<X> total = element_t<X>(0);
    S sum = S(0);
    for (int i = 0; i < dim_x(); ++i) {
      element_t<Y> square = element_t<Y>(0);
      for (int s = 0; s < samples; ++s) {
        element_t<Y> e = element_t<Y>(-outputs(i, s));
        for (int t = 0; t < d; ++t) e += inputs(i, s, t) * y(t);
        square += e * e;
      }
      element_t<X> const weight = exp(x(i) - shift);
      total += weight;
      sum += weight * square;
    }
    return T(0.5) * sum / total;
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const&, Y const& y) const {
    element_t<Y> square = element_t<Y>(0);
    for (int s = 0; s < int(validation_inputs.extent(0)); ++s) {
      element_t<Y> e = element_t<Y>(-validation_outputs(s));
      for (int t = 0; t < dim_y(); ++t) e += validation_inputs(s, t) * y(t);
      square += e * e;
    }
    return T(0.5) * square;
  }
};

}  // namespace minfold

#endif
