// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HYPER_CLEANING_BASE_HPP
#define MINFOLD_PROBLEMS_HYPER_CLEANING_BASE_HPP

#include <minfold/core/require.hpp>
#include <minfold/drivers/problem.hpp>
#include <minfold/drivers/upper_set.hpp>
#include <minfold/problems/hyper_cleaning_data.hpp>
#include <minfold/problems/hyper_cleaning_samples.hpp>

namespace minfold::impl {

/// What hyper-cleaning has whatever the model: one weight x_i in [-bound, bound] a training sample, the two
/// sets of samples on the device, and the shapes of arguments.
template <class T, ExecutionSpace E>
class CleaningBase : public AnyProblem<T, E> {
 public:
  using typename AnyProblem<T, E>::ConstVectors;
  using typename AnyProblem<T, E>::ConstBlocks;

  int batch_size() const override { return 1; }
  int dim_x() const override { return weights_; }
  int samples() const override { return train_.count(); }
  void project_upper(E const& space, Vectors<T, E> x) const override { box_.project(space, x); }

 protected:
  using Samples = CleaningSamples<T, E>;

  /// `name` is that of the model in messages, and outlives the problem.
  CleaningBase(char const* name, CleaningData const& data, double bound)
      : name_(name),
        classes_(data.classes),
        features_(data.features),
        weights_(data.train_size()),
        train_(Samples::upload(data.train, data.train_labels, data.features)),
        validation_(Samples::upload(data.validation, data.validation_labels, data.features)) {
    Scalars<T, E> const low("minfold::hyper_cleaning::lower", weights_);
    Scalars<T, E> const high("minfold::hyper_cleaning::upper", weights_);
    Kokkos::deep_copy(low, T(-bound));
    Kokkos::deep_copy(high, T(bound));
    box_ = UpperSet<T, E>::box(low, high);
  }

  void check(ConstVectors x, ConstVectors y) const {
    int const dim = this->dim_y();
    MINFOLD_REQUIRE(x.extent(0) == 1 && int(x.extent(1)) == weights_, name_, ": x is ", x.extent(0),
                    " x ", x.extent(1), ", expected 1 x ", weights_);
    MINFOLD_REQUIRE(int(y.extent(1)) == dim && y.span_is_contiguous(), name_, ": y has ",
                    y.extent(1), " components, expected ", dim, " without gaps between rows");
  }
  void check(ConstVectors x, ConstVectors y, ConstBlocks v, Blocks<T, E> out) const {
    check(x, y);
    int const dim = this->dim_y();
    MINFOLD_REQUIRE(
        v.extent(0) == y.extent(0) && int(v.extent(2)) == dim && v.span_is_contiguous() &&
            out.span_is_contiguous() && out.extent(0) == v.extent(0) &&
            out.extent(1) == v.extent(1) && out.extent(2) == v.extent(2),
        name_, ": expected blocks of ", y.extent(0), " items and ", dim,
        " components without gaps, found ", v.extent(0), " x ", v.extent(1), " x ", v.extent(2),
        " and ", out.extent(0), " x ", out.extent(1), " x ", out.extent(2));
  }
  void check_gradient(ConstVectors y, Vectors<T, E> gy) const {
    MINFOLD_REQUIRE(
        gy.extent(0) == y.extent(0) && gy.extent(1) == y.extent(1) && gy.span_is_contiguous(),
        name_, ": the gradient is ", gy.extent(0), " x ", gy.extent(1),
        ", expected the shape of y without gaps");
  }

  char const* name_;
  int classes_, features_, weights_;
  Samples train_, validation_;
  UpperSet<T, E> box_;
};

}  // namespace minfold::impl

#endif
