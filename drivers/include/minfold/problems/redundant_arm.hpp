// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_REDUNDANT_ARM_HPP
#define MINFOLD_PROBLEMS_REDUNDANT_ARM_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>
#include <minfold/core/seeded.hpp>
#include <minfold/core/team.hpp>

/// Where to put an arm with more joints than its task needs, and how long to make its links, so
/// that it reaches many targets in a comfortable posture.
///
///   lower  g_i(x, y) = 1/2 |hand(x, y) - target_i|^2                         [m^2]
///   upper  f_i(x, y) = (effort(y) + pull(x)) / P,  P targets                 [rad^2]
///   F(x)   = pull(x) + mean over the targets of min { effort(y) : hand(x, y) = target_i }
///
/// y: the joint angles [rad] of one target. x: base position and link lengths [m], shared by all
/// targets. S_i(x) = { y : hand(x, y) = target_i } is the self-motion manifold of target i, of
/// dimension joints - task (task = 2 in the plane, 3 in space) wherever the Jacobian of the hand
/// has full rank. H = J^T J on it.
namespace minfold {

/// Bounds the arrays that one thread keeps of an arm.
inline constexpr int max_arm_joints = 12;

namespace impl {

/// sin and cos of one angle together: a nest of duals costs two library calls, where sin(a) and
/// cos(a) cost two for each level each.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION void sine_cosine(T const& angle, T& sine, T& cosine) {
  sine = Kokkos::sin(angle);
  cosine = Kokkos::cos(angle);
}
template <class T, int W>
KOKKOS_INLINE_FUNCTION void sine_cosine(Dual<T, W> const& angle, Dual<T, W>& sine,
                                        Dual<T, W>& cosine) {
  T s, c;
  sine_cosine(angle.value, s, c);
  sine = Dual<T, W>::chain(angle, s, c);
  cosine = Dual<T, W>::chain(angle, c, -s);
}

}  // namespace impl

/// n revolute joints in the plane, one link after each; y_j is relative to the link before.
/// x = (base_1, base_2, l_1, ..., l_n).
struct PlanarChain {
  static constexpr int task = 2;
  int joints = 5;

  KOKKOS_INLINE_FUNCTION int links() const { return joints; }

  /// hand = base + sum_j l_j (cos phi_j, sin phi_j), phi_j = y_1 + ... + y_j.
  /// Calls visit(j, origin of joint j, its axis) on the way.
  template <class S, class X, class Y, class Visit>
  KOKKOS_INLINE_FUNCTION void walk(X const& x, Y const& y, S (&hand)[2], Visit const& visit) const {
    hand[0] = x(0);
    hand[1] = x(1);
    S heading = S(0);
    S const out_of_plane[1] = {S(1)};
    for (int j = 0; j < joints; ++j) {
      visit(j, hand, out_of_plane);
      heading += y(j);
      S sine, cosine;
      impl::sine_cosine(heading, sine, cosine);
      hand[0] += cosine * x(2 + j);
      hand[1] += sine * x(2 + j);
    }
  }
  /// axis x arm: velocity of the hand, `arm` away from the joint, as the joint turns.
  template <class S>
  static KOKKOS_INLINE_FUNCTION void turn(S const (&)[1], S const (&arm)[2], S (&velocity)[2]) {
    velocity[0] = -arm[1];
    velocity[1] = arm[0];
  }
  static constexpr int axis_size = 1;
};

/// An anthropomorphic arm of seven revolute joints: shoulder (1-3), elbow (4), wrist (5-7), as in
/// the KUKA LBR iiwa. x = (shoulder position, upper arm, forearm, hand).
///
/// Denavit-Hartenberg table (classic), one frame a joint, R_z(y_j) T_z(d_j) R_x(alpha_j):
///   alpha = (-1, 1, 1, -1, -1, 1, 0) pi/2,  d = (0, 0, upper arm, 0, forearm, 0, hand),  a = 0.
/// Source: Faria et al., Mechanism and Machine Theory 121 (2018), table 1; the column below the
/// shoulder (d_1) is part of the shoulder position here.
struct SpatialChain {
  static constexpr int task = 3;
  static constexpr int axis_size = 3;
  static constexpr int joints = 7;

  static KOKKOS_INLINE_FUNCTION int links() { return 3; }

  /// hand = origin of the last frame. With all angles 0 the arm points along z.
  template <class S, class X, class Y, class Visit>
  KOKKOS_INLINE_FUNCTION void walk(X const& x, Y const& y, S (&hand)[3], Visit const& visit) const {
    int const twist[joints] = {-1, 1, 1, -1, -1, 1, 0};  // alpha in right angles
    S ex[3] = {S(1), S(0), S(0)}, ey[3] = {S(0), S(1), S(0)}, ez[3] = {S(0), S(0), S(1)};
    for (int k = 0; k < 3; ++k) hand[k] = x(k);
    for (int j = 0; j < joints; ++j) {
      visit(j, hand, ez);
      S sine, cosine;
      impl::sine_cosine(S(y(j)), sine, cosine);
      for (int k = 0; k < 3; ++k) {
        S const turned_x = cosine * ex[k] + sine * ey[k];
        S const turned_y = cosine * ey[k] - sine * ex[k];
        if (j == 2 || j == 4 || j == 6) hand[k] += ez[k] * x(3 + (j - 2) / 2);
        S const along = ez[k];
        ex[k] = turned_x;
        // R_x by a right angle: y' = +-z, z' = -+y.
        ey[k] = twist[j] == 0 ? turned_y : (twist[j] > 0 ? along : -along);
        ez[k] = twist[j] == 0 ? along : (twist[j] > 0 ? -turned_y : turned_y);
      }
    }
  }
  template <class S>
  static KOKKOS_INLINE_FUNCTION void turn(S const (&axis)[3], S const (&arm)[3], S (&velocity)[3]) {
    velocity[0] = axis[1] * arm[2] - axis[2] * arm[1];
    velocity[1] = axis[2] * arm[0] - axis[0] * arm[2];
    velocity[2] = axis[0] * arm[1] - axis[1] * arm[0];
  }
};

/// What a posture costs:
///   effort(y) = 1/2 sum_j w_j (y_j - rest_j)^2 + c/4 sum_j [(y_j - high_j)_+^4 + (low_j -
///   y_j)_+^4].
/// Fourth powers: three continuous derivatives, so that the Hessian of f along S is smooth where a
/// joint passes its limit.
template <class T>
struct Posture {
  T weight[max_arm_joints] = {};
  T rest[max_arm_joints] = {}, low[max_arm_joints] = {}, high[max_arm_joints] = {};  ///< [rad]
  T limit_weight = T(0);  ///< c [1/rad^2]

  template <class S>
  KOKKOS_INLINE_FUNCTION S excess(int j, S const& angle) const {
    if (plain_value(angle) > high[j]) return angle - high[j];
    if (plain_value(angle) < low[j]) return angle - low[j];
    return S(0);
  }
  template <class S>
  KOKKOS_INLINE_FUNCTION S effort(int j, S const& angle) const {
    S const off = angle - rest[j], over = excess(j, angle), square = over * over;
    return T(0.5) * weight[j] * (off * off) + T(0.25) * limit_weight * (square * square);
  }
  template <class S>
  KOKKOS_INLINE_FUNCTION S slope(int j, S const& angle) const {
    S const over = excess(j, angle);
    return weight[j] * (angle - rest[j]) + limit_weight * (over * over * over);
  }
};

/// What it costs to leave the nominal design: pull(x) = 1/2 sum_j w_j (x_j - nominal_j)^2 [rad^2].
template <class T>
struct Design {
  T weight[3 + max_arm_joints] = {};   ///< [rad^2/m^2]
  T nominal[3 + max_arm_joints] = {};  ///< [m]
};

template <class Chain, class T, ExecutionSpace E = Kokkos::DefaultExecutionSpace>
struct RedundantArm {
  Chain chain;
  Posture<T> posture;
  Design<T> design;
  Vectors<T const, E> targets;  ///< (target, coordinate) [m]

  KOKKOS_INLINE_FUNCTION int batch_size() const { return int(targets.extent(0)); }
  KOKKOS_INLINE_FUNCTION int dim_x() const { return Chain::task + chain.links(); }
  KOKKOS_INLINE_FUNCTION int dim_y() const { return chain.joints; }
  KOKKOS_INLINE_FUNCTION T length_scale() const { return T(1); }  // one radian

  struct Pass {
    template <class Origin, class Axis>
    KOKKOS_INLINE_FUNCTION void operator()(int, Origin const&, Axis const&) const {}
  };
  /// Keeps where each joint is and about what it turns.
  template <class S>
  struct Keep {
    S (&origin)[max_arm_joints][Chain::task];
    S (&axis)[max_arm_joints][Chain::axis_size];
    KOKKOS_INLINE_FUNCTION void operator()(int j, S const (&o)[Chain::task],
                                           S const (&a)[Chain::axis_size]) const {
      for (int k = 0; k < Chain::task; ++k) origin[j][k] = o[k];
      for (int k = 0; k < Chain::axis_size; ++k) axis[j][k] = a[k];
    }
  };

  template <class X, class Y>
  KOKKOS_INLINE_FUNCTION auto lower(int item, X const& x, Y const& y) const {
    using S = std::remove_cvref_t<decltype(x(0) * y(0))>;
    S hand[Chain::task];
    chain.walk(x, y, hand, Pass{});
    S sum = S(0);
    for (int k = 0; k < Chain::task; ++k) {
      S const off = hand[k] - targets(item, k);
      sum += off * off;
    }
    return T(0.5) * sum;
  }

  /// g_j = <axis_j x (hand - origin_j), hand - target>: one walk instead of joints / 4 of them on
  /// duals.
  template <class Team, class X, class Y, class Sink>
  KOKKOS_INLINE_FUNCTION void lower_gradient(Team const& team, int item, X const& x, Y const& y,
                                             Sink const& sink) const {
    using S = std::remove_cvref_t<decltype(x(0) * y(0))>;
    S hand[Chain::task], origin[max_arm_joints][Chain::task],
        axis[max_arm_joints][Chain::axis_size];
    chain.walk(x, y, hand, Keep<S>{origin, axis});
    team_for(team, chain.joints, [&](int j) {
      S arm[Chain::task], velocity[Chain::task];
      for (int k = 0; k < Chain::task; ++k) arm[k] = hand[k] - origin[j][k];
      Chain::turn(axis[j], arm, velocity);
      S slope = S(0);
      for (int k = 0; k < Chain::task; ++k) slope += velocity[k] * (hand[k] - targets(item, k));
      sink(j, slope);
    });
  }

  template <class X, class Y>
  KOKKOS_INLINE_FUNCTION auto upper(int, X const& x, Y const& y) const {
    using S = std::remove_cvref_t<decltype(x(0) * y(0))>;
    S sum = S(0);
    for (int j = 0; j < dim_y(); ++j) sum += posture.effort(j, S(y(j)));
    for (int j = 0; j < dim_x(); ++j) {
      S const off = x(j) - design.nominal[j];
      sum += T(0.5) * design.weight[j] * (off * off);
    }
    return sum * (T(1) / T(batch_size()));
  }

  template <class Team, class X, class Y, class Sink>
  KOKKOS_INLINE_FUNCTION void upper_gradient(Team const& team, int, X const&, Y const& y,
                                             Sink const& sink) const {
    T const share = T(1) / T(batch_size());
    team_for(team, dim_y(), [&](int j) { sink(j, posture.slope(j, element_t<Y>(y(j))) * share); });
  }

  /// Rest, moved a uniform part of the way to angles that are uniform between the limits (of joint
  /// place.row; the part is the same for all joints of an item). The least effort is found from near
  /// the rest more often than from anywhere, and from far away where only that will do.
  KOKKOS_INLINE_FUNCTION double restart(Place const& place) const {
    int const j = int(place.row);
    double const rest = double(posture.rest[j]), low = double(posture.low[j]),
                 high = double(posture.high[j]);
    Place part = place;
    part.row = max_arm_joints;
    return rest + uniform(part) * (low + (high - low) * uniform(place) - rest);
  }
};

}  // namespace minfold

#endif
