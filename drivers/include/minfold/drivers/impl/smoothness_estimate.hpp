// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_SMOOTHNESS_ESTIMATE_HPP
#define MINFOLD_DRIVERS_IMPL_SMOOTHNESS_ESTIMATE_HPP

#include <minfold/core/status.hpp>
#include <minfold/drivers/oracle.hpp>

#include <cmath>

namespace minfold::impl {

/// Lipschitz constants of gradients near a point, one a row, where a problem knows none: lower bounds by
/// power iterations. The second derivative of f or g in (x, y) along p is the difference quotient
/// (grad(z + t p) - grad(z)) / t, t |p| = sqrt(eps) (1 + |z|). The direction is kept from call to call, so
/// that a few products follow the largest eigenvector of a point that moves.
template <class T, ExecutionSpace E>
class CurvatureProbe {
 public:
  using PerRow = std::vector<double>;
  using V = Vectors<T, E>;
  using Joint = typename Oracle<T, E>::Joint;

  void begin(Oracle<T, E>& o, bool of_upper, std::uint32_t tag) {
    of_upper_ = of_upper;
    direction_ = o.like_both("probe_direction");
    moved_ = o.like_both("probe_point");
    base_ = o.like_both("probe_base");
    image_ = o.like_both("probe_image");
    fill(o.space(), direction_.x, o.rows() == 1, tag, 0);
    fill(o.space(), direction_.y, o.rows() == 1, tag, 1);
    norms = PerRow(o.rows(), 0.0);
  }
  /// `products` power iterations at (o.x, at_y): products + 1 gradients.
  void refresh(Oracle<T, E>& o, V at_y, int products) {
    auto const [size_x, size_y] = o.two_dots(o.x, o.x, at_y, at_y);
    gradient(o, o.x, at_y, base_);
    for (int i = 0; i < products; ++i) {
      auto const length = o.dot(direction_, direction_);
      PerRow t(norms.size(), 0.0), scale(norms.size(), 1.0), drop(norms.size(), -1.0);
      for (std::size_t r = 0; r < norms.size(); ++r)
        if (length[r] > 0)
          t[r] = std::sqrt(double(epsilon<T>) / length[r]) * (1 + std::sqrt(size_x[r] + size_y[r]));
      o.copy(Joint{o.x, at_y}, moved_);
      o.axpy(t, direction_, moved_);
      gradient(o, moved_.x, moved_.y, image_);
      o.axpy(drop, base_, image_);
      auto const image = o.dot(image_, image_);
      PerRow keep(norms.size(), 0.0);
      for (std::size_t r = 0; r < norms.size(); ++r) {
        norms[r] = t[r] > 0 ? std::sqrt(image[r] / length[r]) / t[r] : 0.0;
        bool const moves = image[r] > 0 && std::isfinite(image[r]);
        scale[r] = moves ? 1 / std::sqrt(image[r]) : 0.0;
        keep[r] = moves ? 0.0 : 1.0;  // no curvature along it: look there again later
      }
      o.axpby(scale, image_, keep, direction_);
    }
  }
  void archive(StateArchive& a, E const& space) {
    a("norms", norms);
    a.view(space, "direction_x", direction_.x);
    a.view(space, "direction_y", direction_.y);
  }
  PerRow norms;

  /// Public because nvcc does not allow extended lambdas in private members.
  static void fill(E const& space, V v, bool one_row, std::uint32_t tag, std::uint32_t part) {
    Kokkos::parallel_for(
        "minfold::smoothness_estimate::fill",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0},
                                                  {int(v.extent(0)), int(v.extent(1))}),
        KOKKOS_LAMBDA(int row, int i) {
          // Independent problems all get the same numbers: each is probed as it is alone.
          std::uint32_t const item = one_row ? std::uint32_t(row) : 0u;
          v(row, i) = T(normal({1, Stream::probe, item, std::uint32_t(i), 8 + 2 * tag + part}));
        });
  }

 private:
  void gradient(Oracle<T, E>& o, V at_x, V at_y, Joint const& out) const {
    if (of_upper_) {
      o.upper_gradient(at_x, at_y, out.x, out.y);
    } else {
      o.lower_gradient_x(at_x, at_y, out.x);
      o.lower_gradient(at_x, at_y, out.y);
    }
  }
  bool of_upper_ = false;
  Joint direction_, moved_, base_, image_;
};

/// ||H|| at (x, at_y), one a row, with a direction that is kept.
template <class T, ExecutionSpace E>
class HessianProbe {
 public:
  using PerRow = std::vector<double>;
  using V = Vectors<T, E>;

  void begin(Oracle<T, E>& o, std::uint32_t tag) {
    direction_ = o.like_y("probe_direction");
    image_ = o.like_y("probe_image");
    CurvatureProbe<T, E>::fill(o.space(), direction_, o.rows() == 1, tag, 0);
    norms = PerRow(o.rows(), 0.0);
  }
  void refresh(Oracle<T, E>& o, V at_y, int products) {
    for (int i = 0; i < products; ++i) {
      o.hessian(o.x, at_y, direction_, image_);
      auto const [before, after] = o.two_dots(direction_, direction_, image_, image_);
      PerRow scale(norms.size(), 0.0), keep(norms.size(), 1.0);
      for (std::size_t r = 0; r < norms.size(); ++r) {
        norms[r] = before[r] > 0 ? std::sqrt(after[r] / before[r]) : 0.0;
        if (!(after[r] > 0 && std::isfinite(after[r]))) continue;
        scale[r] = 1 / std::sqrt(after[r]);
        keep[r] = 0;
      }
      o.axpby(scale, image_, keep, direction_);
    }
  }
  void archive(StateArchive& a, E const& space) {
    a("norms", norms);
    a.view(space, "direction", direction_);
  }
  PerRow norms;

 private:
  V direction_, image_;
};

}  // namespace minfold::impl

#endif
