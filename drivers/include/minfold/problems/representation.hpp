// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_REPRESENTATION_HPP
#define MINFOLD_PROBLEMS_REPRESENTATION_HPP

#include <minfold/core/blas.hpp>
#include <minfold/drivers/problem.hpp>
#include <minfold/problems/representation_data.hpp>

namespace minfold {

/// Representation learning with two-layer linear networks (arXiv 2408.16087, section on isomorphic
/// variables): the first layer is shared and learnt above, every task fits its own second layer below.
///
/// Upper variable: W1, inputs x hidden, row-major. Lower variable of target t: the transposed second
/// layer U_t, outputs x hidden, row-major. With the data (X, Y) of the task and Z = X W1
///   g_t = 1/2 |Z U_t^T - Y|^2,   f_t = 1/2 |Z_v U_t^T - Y_v|^2
/// H = Z^T Z for each output alike: k = outputs (hidden - rank Z), and S(W1) is affine. In the source
/// train <= inputs <= hidden, so that every task can be fitted, F is the constant
/// constrained_least_squares() wherever W1 has full row rank, and a penalty method has to find it from
/// where f + gamma g is not fitted. With hidden < inputs F depends on W1 and selection matters.
///
/// Costs: matrix products over all items at once. Third derivatives of g in y are 0.
template <class T, ExecutionSpace E = Kokkos::DefaultExecutionSpace>
class RepresentationLearning : public AnyProblem<T, E> {
 public:
  using typename AnyProblem<T, E>::ConstVectors;
  using typename AnyProblem<T, E>::ConstBlocks;

  RepresentationLearning(RepresentationData const& data, int hidden);

  int batch_size() const override { return tasks_; }
  int dim_x() const override { return inputs_ * hidden_; }
  int dim_y() const override { return outputs_ * hidden_; }
  bool has_second_order() const override { return true; }
  T length_scale() const override { return T(1) / Kokkos::sqrt(T(hidden_)); }

  void upper_value(E const& space, ConstVectors x, ConstVectors y,
                   Scalars<T, E> out) const override {
    value(space, validation_, x, y, out);
  }
  void lower_value(E const& space, ConstVectors x, ConstVectors y,
                   Scalars<T, E> out) const override {
    value(space, train_, x, y, out);
  }
  void upper_gradient(E const& space, ConstVectors x, ConstVectors y, Vectors<T, E> gx,
                      Vectors<T, E> gy) const override;
  void lower_gradient(E const& space, ConstVectors x, ConstVectors y,
                      Vectors<T, E> gy) const override;
  void lower_gradient_x(E const& space, ConstVectors x, ConstVectors y,
                        Vectors<T, E> out) const override;
  void lower_hessian(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, E> out) const override {
    hessian(space, train_, x, y, v, out);
  }
  void mixed_transpose(E const& space, ConstVectors x, ConstVectors y, ConstVectors z,
                       Vectors<T, E> out) const override;
  void mixed_product(E const& space, ConstVectors x, ConstVectors y, ConstVectors u,
                     Vectors<T, E> out) const override;
  void upper_hessian(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, E> out) const override {
    hessian(space, validation_, x, y, v, out);
  }
  void third_product(E const& space, ConstVectors, ConstVectors, ConstVectors, ConstBlocks,
                     Blocks<T, E> out) const override {
    Kokkos::deep_copy(space, out, T(0));
  }
  int samples() const override { return train_.count(); }
  /// With the residual E of a task, the second derivative of 1/2 |X W U^T - Y|^2 along (w, u) is
  /// |X w U^T + X W u^T|^2 + 2 <E, X w u^T>, at most
  ///   |X|^2 (|W|^2 + |U|^2) + |X| |E|_F     (spectral norms, DERIVED)
  /// times |w|^2 + |u|^2. Summed over tasks but for the part of their own u. Waits for the host.
  std::optional<Smoothness> smoothness(E const& space, ConstVectors x,
                                       ConstVectors y) const override;
  /// `count` samples of each task, one of each of `count` equal stretches of the training samples.
  std::unique_ptr<AnyProblem<T, E>> on_sample(E const& space, Place place,
                                              int count) const override;

 private:
  struct Part {
    Blocks<T, E> a, b;          ///< (task, sample, input), (task, sample, output)
    std::vector<double> norms;  ///< of the inputs of each task
    int count() const { return int(a.extent(1)); }
  };
  /// A matrix of every item, or one of every target that all its items share.
  struct Operand {
    T const* data;
    long stride;
    int columns;
    bool per_target;
  };
  static Operand of_target(Blocks<T, E> const& v) {
    return {v.data(), long(v.stride(0)), int(v.extent(2)), true};
  }
  static Operand of_item(Blocks<T, E> const& v) {
    return {v.data(), long(v.stride(0)), int(v.extent(2)), false};
  }
  /// Rows of `columns` numbers in each item.
  static Operand of_item(ConstVectors v, int columns) {
    return {v.data(), long(v.stride(0)), columns, false};
  }
  /// C_item := alpha op(A) op(B) + beta C_item, C_item is m x n without gaps, k the length of the sums.
  void products(E const& space, Transpose ta, Transpose tb, int items, int m, int n, int k,
                Operand const& a, Operand const& b, T beta, T* c) const;

  static Part upload(RepresentationData const& data, bool validation);
  void check(ConstVectors x, ConstVectors y) const;
  /// Z = A W, (task, sample, hidden); W has the shape of x.
  Blocks<T, E> features(E const& space, Part const& part, ConstVectors w) const;
  /// Z U^T - B, (item, sample, output)
  Blocks<T, E> residual(E const& space, Part const& part, Blocks<T, E> const& z,
                        ConstVectors y) const;
  void value(E const& space, Part const& part, ConstVectors x, ConstVectors y,
             Scalars<T, E> out) const;
  /// out = A^T (E U)
  void gradient_x(E const& space, Part const& part, Blocks<T, E> const& e, ConstVectors y,
                  Vectors<T, E> out) const;
  void hessian(E const& space, Part const& part, ConstVectors x, ConstVectors y, ConstBlocks v,
               Blocks<T, E> out) const;

  int tasks_, inputs_, hidden_, outputs_;
  Part train_, validation_;
};

}  // namespace minfold

#include <minfold/problems/representation_impl.hpp>

#endif
