// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PYTHON_PYTHON_PROBLEM_HPP
#define MINFOLD_PYTHON_PYTHON_PROBLEM_HPP

#include <minfold/drivers/problem.hpp>
#include <minfold/problems/sampling.hpp>

#include "arrays.hpp"
#include "runtime.hpp"

#include <cstring>
#include <optional>
#include <vector>

namespace minfold::python {

/// A problem whose values and products are Python callables: the methods of `adapter` (see
/// minfold/_problem.py), which checks what they return. Only where `on_host`.
template <class T>
class PythonProblem final : public AnyProblem<T, Kokkos::DefaultExecutionSpace> {
 public:
  using Base = AnyProblem<T, Space>;
  using typename Base::ConstBlocks;
  using typename Base::ConstVectors;

  /// Requires the GIL. `adapter` outlives this.
  explicit PythonProblem(nb::handle adapter)
      : adapter_(adapter),
        targets_(nb::cast<int>(adapter.attr("targets"))),
        dim_x_(nb::cast<int>(adapter.attr("dim_x"))),
        dim_y_(nb::cast<int>(adapter.attr("dim_y"))),
        samples_(nb::cast<int>(adapter.attr("samples"))),
        shared_(!nb::cast<bool>(adapter.attr("own_upper"))),
        length_scale_(nb::cast<double>(adapter.attr("length_scale"))),
        second_order_(offers("third_product")),
        gradient_x_(offers("lower_gradient_x")),
        mixed_(offers("mixed_product")),
        projects_(offers("project_upper")) {}

  int batch_size() const override { return part_ ? int(part_->size()) : targets_; }
  int dim_x() const override { return dim_x_; }
  int dim_y() const override { return dim_y_; }
  bool shared_upper() const override { return shared_; }
  bool has_second_order() const override { return second_order_; }
  T length_scale() const override { return T(length_scale_); }
  int samples() const override { return sample_ ? int(sample_->size()) : samples_; }

  void upper_value(Space const& s, ConstVectors x, ConstVectors y,
                   Scalars<T, Space> out) const override {
    Question const q(*this, s, x, y);
    take(q.ask("upper_value"), out);
  }
  void lower_value(Space const& s, ConstVectors x, ConstVectors y,
                   Scalars<T, Space> out) const override {
    Question const q(*this, s, x, y);
    take(q.ask_lower("lower_value"), out);
  }
  void upper_gradient(Space const& s, ConstVectors x, ConstVectors y, Vectors<T, Space> gx,
                      Vectors<T, Space> gy) const override {
    Question const q(*this, s, x, y);
    auto const both = nb::cast<nb::tuple>(q.ask("upper_gradient"));
    take(both[0], gx);
    take(both[1], gy);
  }
  void lower_gradient(Space const& s, ConstVectors x, ConstVectors y,
                      Vectors<T, Space> gy) const override {
    Question const q(*this, s, x, y);
    take(q.ask_lower("lower_gradient"), gy);
  }
  void lower_gradient_x(Space const& s, ConstVectors x, ConstVectors y,
                        Vectors<T, Space> out) const override {
    if (!gradient_x_) return Base::lower_gradient_x(s, x, y, out);
    Question const q(*this, s, x, y);
    take(q.ask_lower("lower_gradient_x"), out);
  }
  void lower_hessian(Space const& s, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, Space> out) const override {
    Question const q(*this, s, x, y);
    take(q.ask_lower("lower_hessian", block(v)), out);
  }
  void upper_hessian(Space const& s, ConstVectors x, ConstVectors y, ConstBlocks v,
                     Blocks<T, Space> out) const override {
    Question const q(*this, s, x, y);
    take(q.ask("upper_hessian", block(v)), out);
  }
  void third_product(Space const& s, ConstVectors x, ConstVectors y, ConstVectors lambda,
                     ConstBlocks v, Blocks<T, Space> out) const override {
    Question const q(*this, s, x, y);
    take(q.ask_lower("third_product", rows(lambda), block(v)), out);
  }
  void mixed_transpose(Space const& s, ConstVectors x, ConstVectors y, ConstVectors z,
                       Vectors<T, Space> out) const override {
    Question const q(*this, s, x, y);
    take(q.ask_lower("mixed_transpose", rows(z)), out);
  }
  void mixed_product(Space const& s, ConstVectors x, ConstVectors y, ConstVectors u,
                     Vectors<T, Space> out) const override {
    if (!mixed_) return Base::mixed_product(s, x, y, u, out);
    Question const q(*this, s, x, y);
    take(q.ask_lower("mixed_product", q.upper_rows(u)), out);
  }
  void project_upper(Space const& s, Vectors<T, Space> x) const override {
    if (!projects_) return;
    s.fence("minfold::python::callback");
    Interlude const interlude;
    take(in_python(
             [&]() -> nb::object { return adapter_.attr("project_upper")(rows(ConstVectors(x))); }),
         x);
  }

  std::unique_ptr<Base> for_items(Space const& s,
                                  Scalars<int const, Space> target_of) const override {
    s.fence("minfold::python::for_items");
    auto part = std::make_unique<PythonProblem>(*this);
    if (target_of.data()) {
      std::vector<int> of(target_of.extent(0));
      for (std::size_t row = 0; row < of.size(); ++row) of[row] = target(int(target_of(row)));
      part->part_ = std::move(of);
    }
    return part;
  }

  /// The numbers of the data terms that were drawn go to the callbacks of g.
  std::unique_ptr<Base> on_sample(Space const&, Place place, int count) const override {
    int const all = samples();
    if (all == 0) return nullptr;
    MINFOLD_REQUIRE(count >= 1 && count <= all, "a sample of ", count, " of ", all, " data terms");
    auto part = std::make_unique<PythonProblem>(*this);
    std::vector<std::int64_t> drawn(count);
    for (int i = 0; i < count; ++i) {
      int const at = impl::drawn_sample(place, i, count, all);
      drawn[i] = sample_ ? (*sample_)[at] : at;
    }
    part->sample_ = std::move(drawn);
    return part;
  }

 private:
  bool offers(char const* name) const { return nb::cast<bool>(adapter_.attr("offers")(name)); }
  /// That a row belongs to.
  int target(int row) const { return part_ ? (*part_)[row % part_->size()] : row % targets_; }

  template <class V>
  static T const* pointer(V const& view) {
    if (!view.span_is_contiguous())
      throw std::logic_error("minfold: a view that is not contiguous was handed to a callback");
    return view.data();
  }
  static nb::object rows(ConstVectors const& v) {
    return new_array<T>(pointer(v), {v.extent(0), v.extent(1)});
  }
  static nb::object block(ConstBlocks const& v) {
    return new_array<T>(pointer(v), {v.extent(0), v.extent(1), v.extent(2)});
  }
  template <class V>
  static void take(nb::handle answer, V const& out) {
    auto const numbers = nb::cast<Numbers<T>>(answer);
    pointer(out);
    if (numbers.size() != out.size())  // checked in Python
      throw std::length_error("minfold: a callback has returned the wrong number of numbers");
    std::memcpy(out.data(), numbers.data(), out.size() * sizeof(T));
  }

  /// What every callback is asked: points, and the targets that they belong to. Python may be used while
  /// it lives.
  class Question {
   public:
    Question(PythonProblem const& problem, Space const& space, ConstVectors const& x,
             ConstVectors const& y)
        : problem_(problem), fence_(space) {
      std::size_t const items = y.extent(0);
      if (problem.targets_ > 1 || !problem.shared_) {
        targets_.resize(items);
        for (std::size_t item = 0; item < items; ++item) targets_[item] = problem.target(int(item));
      }
      x_ = upper_rows(x);
      y_ = rows(y);
      if (problem.targets_ > 1)
        target_ = new_array<std::int32_t>(targets_.data(), {items});
      else
        target_ = nb::none();
    }
    /// The row of each item, or the one row of all of them.
    nb::object upper_rows(ConstVectors const& x) const {
      if (problem_.shared_) return rows(x);
      std::vector<T> own(targets_.size() * x.extent(1));
      for (std::size_t item = 0; item < targets_.size(); ++item)
        for (std::size_t j = 0; j < x.extent(1); ++j)
          own[item * x.extent(1) + j] = x(targets_[item], j);
      return new_array<T>(own.data(), {targets_.size(), x.extent(1)});
    }
    template <class... More>
    nb::object ask(char const* name, More const&... more) const {
      return in_python(
          [&]() -> nb::object { return problem_.adapter_.attr(name)(x_, y_, more..., target_); });
    }
    /// What belongs to g is asked for all data, or for those that were drawn.
    template <class... More>
    nb::object ask_lower(char const* name, More const&... more) const {
      nb::object sample = nb::none();
      if (auto const& drawn = problem_.sample_)
        sample = new_array<std::int64_t>(drawn->data(), {drawn->size()});
      return in_python([&]() -> nb::object {
        return problem_.adapter_.attr(name)(x_, y_, more..., target_, sample);
      });
    }

   private:
    /// Before Python reads what kernels wrote.
    struct Fence {
      explicit Fence(Space const& space) { space.fence("minfold::python::callback"); }
    };
    PythonProblem const& problem_;
    Fence fence_;
    Interlude interlude_;
    std::vector<std::int32_t> targets_;
    nb::object x_, y_, target_;
  };

  nb::handle adapter_;
  int targets_, dim_x_, dim_y_, samples_;
  bool shared_;
  double length_scale_;
  bool second_order_, gradient_x_, mixed_, projects_;
  std::optional<std::vector<int>> part_;             ///< targets of the rows of a part
  std::optional<std::vector<std::int64_t>> sample_;  ///< numbers of the data terms that were drawn
};

}  // namespace minfold::python

#endif
