// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HYPER_CLEANING_HPP
#define MINFOLD_PROBLEMS_HYPER_CLEANING_HPP

#include <minfold/core/blas.hpp>
#include <minfold/problems/hyper_cleaning_base.hpp>
#include <minfold/problems/hyper_cleaning_kernels.hpp>

#include <algorithm>

namespace minfold {

struct CleaningModel {
  CleaningLoss loss = CleaningLoss::softmax;
  double ridge = 0.02;      ///< penalty on the logits, relative to a sample of weight 1
  double selection = 0.01;  ///< penalty of f on what no training sample sees
  double bound = 5;         ///< |x_i| <= bound
  /// g contains decay |W|^2. Then the lower solution is unique and f has no selection term.
  double decay = 0;
};

/// Data hyper-cleaning: which training labels are wrong, judged by clean validation samples.
///
/// Upper variable x: one weight logit a training sample. Lower variable y: W in R^{classes x p},
/// y[c p + j] = W_cj, a linear classifier with logits z = W a of a sample a in R^p.
///   g(x, W) = (1/N) sum_i [ sigmoid(x_i) loss(W a_i) + (ridge/2) |C W a_i|^2 ] + decay |W|^2
///   f(W)    = (1/M) sum_validation loss(W a) + (selection/2) |Q W|^2
/// Softmax loss: C removes the common shift of all logits. S(x) is then an affine subspace: adding
/// one row vector to all classes changes nothing, nor do weights that no training sample meets
/// (pixels that are never lit): rank H = (classes - 1) rank A. Squared loss: C = I, the shift is
/// determined, rank H = classes rank A. With decay > 0, as in arXiv 2504.17215, k = 0.
///
/// Q projects onto exactly these directions. f without its term ignores the shift as well, so the
/// optimistic selection would not be unique, though F would still be differentiable: all selections
/// are then related by a symmetry of f and g and give the same hypergradient. The term makes the
/// selection unique and non-degenerate. It is 0 at the selected point, and F the same for any
/// weight of it, unless validation samples light what no training sample does; there it is a ridge.
/// Our choice: no source of the problem speaks of it.
///
/// Costs: all products with the data are matrix products over all items and columns at once, in
/// pieces of bounded size; scratch is allocated inside.
template <class T, ExecutionSpace E = Kokkos::DefaultExecutionSpace>
class HyperCleaning : public impl::CleaningBase<T, E> {
  using Base = impl::CleaningBase<T, E>;

 public:
  using typename Base::ConstBlocks;
  using typename Base::ConstVectors;

  HyperCleaning(CleaningData const& data, CleaningModel const& model);

  int dim_y() const override { return classes_ * features_; }
  bool has_second_order() const override { return true; }

  void upper_value(E const& space, ConstVectors x, ConstVectors y,
                   Scalars<T, E> out) const override;
  void lower_value(E const& space, ConstVectors x, ConstVectors y,
                   Scalars<T, E> out) const override;
  void upper_gradient(E const& space, ConstVectors x, ConstVectors y, Vectors<T, E> gx,
                      Vectors<T, E> gy) const override;
  void lower_gradient(E const& space, ConstVectors x, ConstVectors y,
                      Vectors<T, E> gy) const override;
  void lower_hessian(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, E> out) const override;
  void mixed_transpose(E const& space, ConstVectors x, ConstVectors y, ConstVectors z,
                       Vectors<T, E> out) const override;
  void lower_gradient_x(E const& space, ConstVectors x, ConstVectors y,
                        Vectors<T, E> out) const override;
  void mixed_product(E const& space, ConstVectors x, ConstVectors y, ConstVectors u,
                     Vectors<T, E> out) const override;
  /// From |A|_2^2 <= |A|_F^2, the second derivatives of loss (1/2 or 1) and sigmoid (0.0963), and the loss
  /// at y (DERIVED). None of a sample of the data. Waits for the host.
  std::optional<Smoothness> smoothness(E const& space, ConstVectors x,
                                       ConstVectors y) const override;
  /// `count` training samples, one of each of `count` equal stretches of them.
  std::unique_ptr<AnyProblem<T, E>> on_sample(E const& space, Place place,
                                              int count) const override;
  void upper_hessian(E const& space, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, E> out) const override;
  void third_product(E const& space, ConstVectors x, ConstVectors y, ConstVectors lambda,
                     ConstBlocks v, Blocks<T, E> out) const override;
  /// Logits of random classifiers stay of order 1: far out softmax is flat and Newton slow.
  void random_lower(E const& space, Place place, Vectors<T, E> y) const override;

  /// Dimension of ker A: with softmax, k = classes dim ker A + rank A.
  int unseen_features() const { return unseen_; }

 private:
  using Base::check;
  using Base::check_gradient;
  using Base::classes_;
  using Base::features_;
  using Base::train_;
  using Base::validation_;
  using typename Base::Samples;
  impl::SampleLoss<T> loss(Samples const& samples, double ridge) const {
    return {model_.loss, classes_, T(ridge / samples.count())};
  }
  /// Systems whose logits on `samples` fit in one piece of scratch.
  int systems_at_once(Samples const& samples) const;
  /// z((system, class), sample) of classifiers given as rows of `features` numbers.
  Vectors<T, E> logits(E const& space, Samples const& samples, Vectors<T const, E> rows) const;

  Vectors<T const, E> rows_of(ConstVectors y) const {
    return Vectors<T const, E>(y.data(), y.extent(0) * classes_, features_);
  }
  Vectors<T, E> rows_of(Vectors<T, E> y) const {
    return Vectors<T, E>(y.data(), y.extent(0) * classes_, features_);
  }
  /// (item, column) as one index, nothing copied.
  template <class Block>
  static auto flat(Block const& v) {
    return Vectors<typename Block::value_type, E>(v.data(), v.extent(0) * v.extent(1), v.extent(2));
  }

  void sum_losses(E const& space, Samples const& samples, Scalars<T const, E> w, double ridge,
                  ConstVectors y, Scalars<T, E> out) const;
  void loss_gradient(E const& space, Samples const& samples, Scalars<T const, E> w, double ridge,
                     ConstVectors y, Vectors<T, E> gy) const;
  /// Without lambda the Hessian, with it the third derivative; both with the samples' weights.
  void loss_products(E const& space, Samples const& samples, Scalars<T const, E> w, double ridge,
                     ConstVectors y, ConstVectors const* lambda, ConstBlocks v,
                     Blocks<T, E> out) const;
  /// out += selection Q w
  void add_selection(E const& space, ConstVectors w, Vectors<T, E> out) const;

  CleaningModel model_;
  int unseen_ = 0;
  Vectors<T, E> unseen_projector_;  ///< Pi, onto ker A; empty when that is 0
};

}  // namespace minfold

#include <minfold/problems/hyper_cleaning_impl.hpp>

#endif
