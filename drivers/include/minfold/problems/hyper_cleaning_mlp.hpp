// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HYPER_CLEANING_MLP_HPP
#define MINFOLD_PROBLEMS_HYPER_CLEANING_MLP_HPP

#include <minfold/core/blas.hpp>
#include <minfold/problems/hyper_cleaning_base.hpp>
#include <minfold/problems/hyper_cleaning_kernels.hpp>
#include <minfold/problems/hyper_cleaning_mlp_kernels.hpp>

namespace minfold {

struct CleaningMlpModel {
  int hidden = 300;
  Activation activation = Activation::sigmoid;
  double decay = 0;  ///< g contains decay |y|^2
  double bound = 5;  ///< |x_i| <= bound
};

/// Data hyper-cleaning with a network of one hidden layer (784-300-10 sigmoid in the V-PBGD code,
/// d-50-10 relu in that of arXiv 2504.17215; FOUND).
///
/// y = (W1, W2, b): hidden x p, classes x hidden, classes, each row-major. Logits of a sample a are
/// z = W2 activation(W1 a) + b; offsets of the hidden layer need a constant feature in the data.
///   g(x, y) = (1/N) sum_i sigmoid(x_i) CE(z_i) + decay |y|^2,   f(y) = (1/M) sum_validation CE(z)
/// g is not convex in y. A common shift of b, and of the rows of W2, changes nothing without decay:
/// k >= hidden + 1. Third derivatives are not offered.
///
/// Derivatives are written out as products of matrices over all samples (DERIVED; forward and reverse
/// mode by hand): a gradient costs about 2 N p hidden multiplications more than a value, which costs
/// N p hidden; a Hessian or Gauss-Newton product 2 N p hidden and what the gradient needs once.
/// relu has no second derivative where a hidden unit is 0: products there take the side that is off.
template <class T, ExecutionSpace E = Kokkos::DefaultExecutionSpace>
class HyperCleaningMlp : public impl::CleaningBase<T, E> {
  using Base = impl::CleaningBase<T, E>;

 public:
  using typename Base::ConstBlocks;
  using typename Base::ConstVectors;

  HyperCleaningMlp(CleaningData const& data, CleaningMlpModel const& model);

  int dim_y() const override { return first() + second() + classes_; }

  void upper_value(E const& space, ConstVectors x, ConstVectors y,
                   Scalars<T, E> out) const override;
  void lower_value(E const& space, ConstVectors x, ConstVectors y,
                   Scalars<T, E> out) const override;
  void upper_gradient(E const& space, ConstVectors x, ConstVectors y, Vectors<T, E> gx,
                      Vectors<T, E> gy) const override;
  void lower_gradient(E const& space, ConstVectors x, ConstVectors y,
                      Vectors<T, E> gy) const override;
  void lower_gradient_x(E const& space, ConstVectors x, ConstVectors y,
                        Vectors<T, E> out) const override;
  void lower_hessian(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, E> out) const override;
  /// out = [ sum_i w_i J_i^T (d2 CE / dz2) J_i + 2 decay I ] v, J = dz/dy: positive semidefinite, and the
  /// Hessian where the network is linear in y.
  void lower_gauss_newton(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                          Blocks<T, E> out) const;
  void mixed_transpose(E const& space, ConstVectors x, ConstVectors y, ConstVectors z,
                       Vectors<T, E> out) const override;
  void mixed_product(E const& space, ConstVectors x, ConstVectors y, ConstVectors u,
                     Vectors<T, E> out) const override;
  /// `count` training samples, one of each of `count` equal stretches of them.
  std::unique_ptr<AnyProblem<T, E>> on_sample(E const& space, Place place,
                                              int count) const override;
  void random_lower(E const& space, Place place, Vectors<T, E> y) const override;

 private:
  using Base::check;
  using Base::check_gradient;
  using Base::classes_;
  using Base::features_;
  using Base::train_;
  using Base::validation_;
  using typename Base::Samples;
  /// The three parts of one y, nothing copied.
  template <class S>
  struct Parts {
    Vectors<S, E> w1, w2;
    S* b;
  };
  template <class S>
  Parts<S> parts(S* y) const {
    return {Vectors<S, E>(y, model_.hidden, features_),
            Vectors<S, E>(y + first(), classes_, model_.hidden), y + first() + second()};
  }
  /// One point on all samples: hidden units (hidden, sample) and logits (class, sample).
  struct Forward {
    Vectors<T, E> h, z;
  };
  int first() const { return model_.hidden * features_; }
  int second() const { return classes_ * model_.hidden; }
  impl::SampleLoss<T> loss() const { return {CleaningLoss::softmax, classes_, T(0)}; }
  Vectors<T, E> scratch(E const& space, int rows, Samples const& samples) const {
    return make_vectors<T>(space, "minfold::hyper_cleaning_mlp::scratch", rows, samples.count());
  }

  Forward forward(E const& space, Samples const& samples, T const* y) const;
  /// Derivatives of h and z along v, into `along`.
  void forward_along(E const& space, Samples const& samples, T const* y, T const* v,
                     Forward const& at, Forward const& along) const;
  void sum_losses(E const& space, Samples const& samples, Scalars<T const, E> w, ConstVectors y,
                  Scalars<T, E> out) const;
  void loss_gradient(E const& space, Samples const& samples, Scalars<T const, E> w, ConstVectors y,
                     Vectors<T, E> gy) const;
  void hessian(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v, Blocks<T, E> out,
               bool gauss_newton) const;

  CleaningMlpModel model_;
};

}  // namespace minfold

#include <minfold/problems/hyper_cleaning_mlp_impl.hpp>

#endif
