// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_ORACLE_HPP
#define MINFOLD_DRIVERS_ORACLE_HPP

#include <minfold/drivers/counted_problem.hpp>
#include <minfold/drivers/impl/host_vectors.hpp>

#include <string>
#include <utility>
#include <vector>

namespace minfold {

/// What a first-order method sees of a problem: the current (x, y), the objectives and their
/// derivatives reduced to rows of x, and the vector operations between them.
///
/// A *row* is an independent problem: one where all targets share x (F is the sum over targets), one a
/// target otherwise. Every scalar of a method (a multiplier, a norm, a step) is one number a row, so
/// that independent problems do not influence each other. Vectors are "like x", (rows, dim_x), or "like
/// y", (a multiple of targets, dim_y); all operations take both.
/// Costs     one launch an operation; what returns numbers to the host waits. Sums are taken in a fixed
///           order: results do not depend on the number of threads.
template <class T, ExecutionSpace E>
class Oracle {
 public:
  using PerRow = std::vector<double>;
  using V = Vectors<T, E>;
  using ConstV = Vectors<T const, E>;

  Oracle(E const& space, CountedProblem<T, E> const& counted, V start_x, V start_y)
      : x(start_x), y(start_y), space_(space), problem_(counted) {}

  V x, y;  ///< the iterate

  E const& space() const { return space_; }
  CountedProblem<T, E> const& problem() const { return problem_; }
  int rows() const { return problem_.upper_rows(); }
  int targets() const { return problem_.batch_size(); }

  V like_x(std::string const& label) const {
    return make_vectors<T>(space_, "minfold::method::" + label, rows(), problem_.dim_x());
  }
  /// `copies` points a target.
  V like_y(std::string const& label, int copies = 1) const {
    return make_vectors<T>(space_, "minfold::method::" + label, copies * targets(),
                           problem_.dim_y());
  }

  /// A vector of the joint space of (x, y).
  struct Joint {
    V x, y;
  };
  Joint like_both(std::string const& label) const { return {like_x(label), like_y(label)}; }
  Joint iterate() const { return {x, y}; }

  /// f, g summed over the targets of each row.
  PerRow upper(ConstV at_x, ConstV at_y) const;
  PerRow lower(ConstV at_x, ConstV at_y) const;
  /// gx = grad_x f (like x, summed over targets), gy = grad_y f.
  void upper_gradient(ConstV at_x, ConstV at_y, V gx, V gy) const;
  void lower_gradient(ConstV at_x, ConstV at_y, V gy) const {
    problem_.lower_gradient(space_, at_x, at_y, gy);
  }
  void lower_gradient_x(ConstV at_x, ConstV at_y, V gx) const;
  /// out = H v
  void hessian(ConstV at_x, ConstV at_y, ConstV v, V out) const {
    problem_.lower_hessian(space_, at_x, at_y, as_block(v), blocks_of(out));
  }
  /// out (like x) = G^T z
  void mixed_transpose(ConstV at_x, ConstV at_y, ConstV z, V out) const;
  /// out (like y) = G u
  void mixed_product(ConstV at_x, ConstV at_y, ConstV u, V out) const {
    problem_.mixed_product(space_, at_x, at_y, u, out);
  }
  void project(V at_x) const { problem_.project_upper(space_, at_x); }
  /// x := proj(x - t g) and g := the projected gradient (x_before - x_after) / t, which is g itself, to the
  /// last bit, where the projection does nothing. t > 0, one a row; scratch is like x.
  void projected_step(PerRow const& t, V g, V scratch) const;
  /// The same with one t for all rows, and nothing where t = 0. Returns the norm of the projected gradient.
  double projected_step(double t, V g, V scratch) const {
    if (t > 0) projected_step(PerRow(rows(), t), g, scratch);
    return norm(g);
  }
  /// Lower bound of ||H|| at (x, y), the largest of all rows: `products` power iterations.
  double lower_curvature(ConstV at_x, ConstV at_y, int products, std::uint64_t seed) const;

  void copy(ConstV from, V to) const { Kokkos::deep_copy(space_, to, from); }
  void set(V v, T value) const { Kokkos::deep_copy(space_, v, value); }
  /// v := a u + b v, one a and b for all, or one a row.
  void axpby(double a, ConstV u, double b, V v) const;
  void axpby(PerRow const& a, ConstV u, PerRow const& b, V v) const;
  void axpy(double a, ConstV u, V v) const { axpby(a, u, 1, v); }
  void axpy(PerRow const& a, ConstV u, V v) const { axpby(a, u, PerRow(rows(), 1.0), v); }
  /// <u, v> of each row
  PerRow dot(ConstV u, ConstV v) const;
  /// <u, v> and <p, q> of each row, in one wait.
  std::pair<PerRow, PerRow> two_dots(ConstV u, ConstV v, ConstV p, ConstV q) const;
  void copy(Joint const& from, Joint const& to) const {
    copy(from.x, to.x);
    copy(from.y, to.y);
  }
  void axpby(PerRow const& a, Joint const& u, PerRow const& b, Joint const& v) const {
    axpby(a, u.x, b, v.x);
    axpby(a, u.y, b, v.y);
  }
  void axpy(PerRow const& a, Joint const& u, Joint const& v) const {
    axpby(a, u, PerRow(rows(), 1.0), v);
  }
  void axpy(double a, Joint const& u, Joint const& v) const { axpy(PerRow(rows(), a), u, v); }
  PerRow dot(Joint const& u, Joint const& v) const;
  /// sqrt(sum over rows of ||u||^2)
  double norm(ConstV u) const;
  /// Those of two arrays, in one wait.
  std::pair<double, double> two_norms(ConstV u, ConstV v) const;
  double sum_of_norms(ConstV u, ConstV v) const {
    auto const [of_u, of_v] = two_norms(u, v);
    return of_u + of_v;
  }

 private:
  static Blocks<T, E> blocks_of(V const& v) {
    return Blocks<T, E>(v.data(), v.extent(0), 1, v.extent(1));
  }
  PerRow by_row(Scalars<T, E> const& items) const;
  /// Per-item contributions to rows of x.
  V contributions(V const& out, int items) const {
    return items == int(out.extent(0))
               ? out
               : make_vectors<T>(space_, "minfold::method::contributions", items, problem_.dim_x());
  }
  void reduce(V const& from, V const& to) const;

  E space_;
  CountedProblem<T, E> const& problem_;
};

}  // namespace minfold

#include <minfold/drivers/impl/oracle_impl.hpp>

#endif
