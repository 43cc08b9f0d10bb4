// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PIVOTED_JACOBI_HPP
#define MINFOLD_KERNELS_IMPL_PIVOTED_JACOBI_HPP

#include <minfold/kernels/impl/pivoted_small.hpp>

#include <limits>
#include <utility>

/// One-sided Jacobi for a few columns, in vector instructions. Hosts only.
namespace minfold::impl::slim {

/// Cosines c and sines s that make columns of squared lengths top, low and inner product gamma
/// orthogonal, lane by lane; the lengths after it. Those that are orthogonal to rounding turn by nothing
/// at all. worst: largest gamma^2 / (top low) of those that turned.
template <class T>
inline void rotation(Pack<T> const& gamma, Pack<T>& top, Pack<T>& low, T* worst, Pack<T>& c,
                     Pack<T>& s) {
  constexpr int step = lanes<T>;
  Pack<T> tiny;
  fill(std::numeric_limits<T>::min(), tiny);
  Pack<T> const relative = gamma * gamma / (top * low + tiny), gap = low - top;
  // tan of the angle = g / (a + sqrt(a^2 + g^2)), a = |gap|, g = 2 |gamma|, with both signs.
  // In plain arrays: choices between numbers vectorize there.
  alignas(64) T gammas[step], parts[step], gaps[step], small[step], large[step], numerator[step],
      distance[step];
  store<T>(gamma, gammas);
  store<T>(relative, parts);
  store<T>(gap, gaps);
  for (int l = 0; l < step; ++l) {
    bool const turn = parts[l] > epsilon<T> * epsilon<T>;
    worst[l] = turn && parts[l] > worst[l] ? parts[l] : worst[l];
    T const a = gaps[l] < T(0) ? -gaps[l] : gaps[l];
    T const g = gammas[l] < T(0) ? T(-2) * gammas[l] : T(2) * gammas[l];
    T const toward = gammas[l] * gaps[l] < T(0) ? -g : g;
    T const less = a < g ? a : g, more = a < g ? g : a;
    small[l] = turn ? less : T(0);
    large[l] = turn ? more : T(1);
    numerator[l] = turn ? toward : T(0);
    distance[l] = turn ? a : T(0);
  }
  Pack<T> one, lesser, larger, above, away, root;
  fill(T(1), one);
  load(small, lesser);
  load(large, larger);
  load(numerator, above);
  load(distance, away);
  Pack<T> const ratio = lesser / larger, x1 = one + ratio * ratio;
  inverse_root<T>(x1, root);
  Pack<T> const t = above / (away + larger * x1 * root), x2 = one + t * t;
  inverse_root<T>(x2, c);
  s = c * t;
  top -= t * gamma;
  low += t * gamma;
}
/// Convergence is quadratic: a sweep that starts below the square root of eps ends below eps.
template <class T>
inline constexpr T worst_at_last = epsilon<T> / T(256);
inline constexpr int most_sweeps = 40;

/// Element F::at(l, lanes) of a followed by b, for all l.
template <class F, class T, std::size_t... L>
inline void pick(Pack<T> const& a, Pack<T> const& b, Pack<T>& to, std::index_sequence<L...>) {
#if defined(__GNUC__) && !defined(__CUDACC__)
  to = __builtin_shufflevector(a, b, F::at(int(L), lanes<T>)...);
#else
  Pack<T> result;
  for (int l = 0; l < lanes<T>; ++l) {
    int const i = F::at(l, lanes<T>);
    result[l] = i < lanes<T> ? a[i] : b[i - lanes<T>];
  }
  to = result;
#endif
}
struct SeatsHead {
  static constexpr int at(int l, int n) { return l == 0 ? 0 : l == 1 ? n : l - 1; }
};
struct SeatsUp {
  static constexpr int at(int l, int n) { return n - 1 + l; }
};
struct SeatsDown {
  static constexpr int at(int l, int) { return l + 1; }
};
struct SeatsTail {
  static constexpr int at(int l, int n) { return l < n - 1 ? l + 1 : 2 * n - 1; }
};
/// The first of the upper row stays, all others move on by one seat, clockwise. In registers: through
/// memory, loads would wait for stores that they overlap.
template <int Packs, class T>
inline void move_seats(Pack<T>* upper, Pack<T>* lower) {
  constexpr auto all = std::make_index_sequence<lanes<T>>();
  Pack<T> const first = lower[0], last = upper[Packs - 1];
  for (int e = 0; e + 1 < Packs; ++e) pick<SeatsDown, T>(lower[e], lower[e + 1], lower[e], all);
  pick<SeatsTail, T>(lower[Packs - 1], last, lower[Packs - 1], all);
  for (int e = Packs - 1; e > 0; --e) pick<SeatsUp, T>(upper[e - 1], upper[e], upper[e], all);
  pick<SeatsHead, T>(upper[0], first, upper[0], all);
}

/// One-sided Jacobi with round-robin ordering: rotates the columns of x, of which there are 2 half and
/// whose components are rows < r, until they are orthogonal. The pairs of a round stand one above
/// the other in the two halves, so that all their rotations are done by the same vector instructions;
/// a round ends by moving every column but the first to the next seat. squares[]: their squared
/// lengths. False if that takes more than most_sweeps.
template <int Packs, std::floating_point T>
bool orthogonalize(int r, Square<T>& x, T* squares) {
  constexpr int step = lanes<T>, half = Packs * step;
  using P = Pack<T>;
  P top[Packs], low[Packs], c[Packs], s[Packs];
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    for (int e = 0; e < Packs; ++e) top[e] = low[e] = P{};
    for (int i = 0; i < r; ++i)
      for (int e = 0; e < Packs; ++e) {
        P u, v;
        load(x.at[i] + e * step, u);
        load(x.at[i] + half + e * step, v);
        top[e] += u * u;
        low[e] += v * v;
      }
    alignas(64) T worst[step] = {};
    for (int round = 0; round < 2 * half - 1; ++round) {
      P dot[Packs][4] = {};
      int i = 0;
      for (; i + 4 <= r; i += 4)
        for (int k = 0; k < 4; ++k)
          for (int e = 0; e < Packs; ++e) {
            P u, v;
            load(x.at[i + k] + e * step, u);
            load(x.at[i + k] + half + e * step, v);
            dot[e][k] += u * v;
          }
      for (; i < r; ++i)
        for (int e = 0; e < Packs; ++e) {
          P u, v;
          load(x.at[i] + e * step, u);
          load(x.at[i] + half + e * step, v);
          dot[e][0] += u * v;
        }
      for (int e = 0; e < Packs; ++e) {
        P const gamma = (dot[e][0] + dot[e][1]) + (dot[e][2] + dot[e][3]);
        rotation<T>(gamma, top[e], low[e], worst, c[e], s[e]);
      }
      for (int k = 0; k < r; ++k) {
        P u[Packs], v[Packs];
        for (int e = 0; e < Packs; ++e) {
          P a, b;
          load(x.at[k] + e * step, a);
          load(x.at[k] + half + e * step, b);
          u[e] = c[e] * a - s[e] * b;
          v[e] = s[e] * a + c[e] * b;
        }
        move_seats<Packs, T>(u, v);
        for (int e = 0; e < Packs; ++e) {
          store<T>(u[e], x.at[k] + e * step);
          store<T>(v[e], x.at[k] + half + e * step);
        }
      }
      move_seats<Packs, T>(top, low);
    }
    if (*std::max_element(worst, worst + step) <= worst_at_last<T>) {
      for (int e = 0; e < 2 * half; ++e) squares[e] = T(0);
      for (int i = 0; i < r; ++i)
        for (int e = 0; e < 2 * half; ++e) squares[e] += x.at[i][e] * x.at[i][e];
      return true;
    }
  }
  return false;
}

}  // namespace minfold::impl::slim

#endif
