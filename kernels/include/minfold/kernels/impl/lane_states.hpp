// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_LANE_STATES_HPP
#define MINFOLD_KERNELS_IMPL_LANE_STATES_HPP

#include <minfold/core/impl/pack.hpp>
#include <minfold/kernels/impl/cg_step.hpp>

/// The vectors and numbers of several CG solves, one in each lane of packs. Hosts only.
namespace minfold::impl {

/// Lane `lane` of packs.
template <class T>
struct LaneVector {
  T* data;
  KOKKOS_FUNCTION T& operator()(int i) const { return data[long(i) * lanes<T>]; }
};

template <class T>
struct LaneWork {
  Pack<T>*z, *p, *q, *r;
  int lane;

  KOKKOS_FUNCTION LaneVector<T> solution(int, int) const { return of(z); }
  KOKKOS_FUNCTION LaneVector<T> operand(int, int) const { return of(p); }
  KOKKOS_FUNCTION LaneVector<T> product(int, int) const { return of(q); }
  KOKKOS_FUNCTION LaneVector<T> residual(int, int) const { return of(r); }
  /// Packs by their address: nvcc takes no vector in the type of a device function, be it one that no device
  /// calls, and programs for a device use hosts as well.
  KOKKOS_FUNCTION LaneVector<T> of(void* packs) const { return {static_cast<T*>(packs) + lane}; }
};

/// The numbers of CgState in lanes.
template <class T>
struct LaneStates {
  Pack<T> rhs_norm, projected, leakage, scale, norm, rr, best, verified, full, inverse_sum, p_zero;
  Pack<T> inverse;  ///< of scale
  PackMask<T> iterations, products;
  PackMask<T> running, verifying;  ///< by phase
  CgState<T> rest[lanes<T>];       ///< phase, stop and restarts are used

  CgState<T> of(int l) const {
    CgState<T> s = rest[l];
    s.rhs_norm = rhs_norm[l];
    s.projected = projected[l];
    s.leakage = leakage[l];
    s.scale = scale[l];
    s.norm = norm[l];
    s.rr = rr[l];
    s.best = best[l];
    s.verified = verified[l];
    s.full = full[l];
    s.inverse_sum = inverse_sum[l];
    s.p_zero = p_zero[l];
    s.iterations = int(iterations[l]);
    s.products = int(products[l]);
    return s;
  }
  void set_phase(int l, typename CgState<T>::Phase phase) {
    rest[l].phase = phase;
    running[l] = phase == CgState<T>::Phase::done ? 0 : -1;
    verifying[l] = phase == CgState<T>::Phase::verify ? -1 : 0;
  }
  void set_scale(int l, T s) {
    scale[l] = s;
    inverse[l] = T(1) / s;
  }
  void set(int l, CgState<T> const& s) {
    rest[l] = s;
    set_phase(l, s.phase);
    rhs_norm[l] = s.rhs_norm;
    projected[l] = s.projected;
    leakage[l] = s.leakage;
    set_scale(l, s.scale);
    norm[l] = s.norm;
    rr[l] = s.rr;
    best[l] = s.best;
    verified[l] = s.verified;
    full[l] = s.full;
    inverse_sum[l] = s.inverse_sum;
    p_zero[l] = s.p_zero;
    iterations[l] = s.iterations;
    products[l] = s.products;
  }
};

/// Loops over vectors of packs, with sums that no pointer reaches, in two chains each.
template <class T>
struct LaneSums {
  Pack<T> a{}, b{}, c{};
};

/// a: q^T q, b: p^T q, c: p^T p.
template <class T>
LaneSums<T> lane_products(int n, Pack<T> const* p, Pack<T> const* q) {
  LaneSums<T> s, t;
  int i = 0;
  for (; i + 2 <= n; i += 2) {
    s.a += q[i] * q[i];
    s.b += p[i] * q[i];
    s.c += p[i] * p[i];
    t.a += q[i + 1] * q[i + 1];
    t.b += p[i + 1] * q[i + 1];
    t.c += p[i + 1] * p[i + 1];
  }
  if (i < n) {
    s.a += q[i] * q[i];
    s.b += p[i] * q[i];
    s.c += p[i] * p[i];
  }
  return {s.a + t.a, s.b + t.b, s.c + t.c};
}

template <class T>
Pack<T> lane_dot(int n, Pack<T> const* u, Pack<T> const* v) {
  Pack<T> s{}, t{};
  int i = 0;
  for (; i + 2 <= n; i += 2) {
    s += u[i] * v[i];
    t += u[i + 1] * v[i + 1];
  }
  if (i < n) s += u[i] * v[i];
  return s + t;
}

/// z += alpha p, r -= gamma q in the lanes of the mask; a: r^T r, b: z^T z. What is in the other lanes
/// is not touched: it may be NaN. `All`: the mask has all lanes.
template <class T, bool All>
LaneSums<T> lane_update(int n, PackMask<T> mask, Pack<T> alpha, Pack<T> gamma,
                        Pack<T> const* __restrict p, Pack<T> const* __restrict q,
                        Pack<T>* __restrict z, Pack<T>* __restrict r) {
  LaneSums<T> s, t;
  auto const one = [&](int i, LaneSums<T>& sums) {
    Pack<T> zi = z[i] + alpha * p[i], ri = r[i] - gamma * q[i];
    if constexpr (!All) {
      zi = select<T>(mask, zi, z[i]);
      ri = select<T>(mask, ri, r[i]);
    }
    sums.b += zi * zi;
    sums.a += ri * ri;
    z[i] = zi;
    r[i] = ri;
  };
  int i = 0;
  for (; i + 2 <= n; i += 2) {
    one(i, s);
    one(i + 1, t);
  }
  if (i < n) one(i, s);
  s.a += t.a;
  s.b += t.b;
  return s;
}

/// p := r + beta p in the lanes of the mask, which with `All` are all.
template <class T, bool All>
void lane_direction(int n, PackMask<T> mask, Pack<T> beta, Pack<T> const* __restrict r,
                    Pack<T>* __restrict p) {
  for (int i = 0; i < n; ++i) {
    Pack<T> const pi = r[i] + beta * p[i];
    p[i] = All ? pi : select<T>(mask, pi, p[i]);
  }
}

/// any, without a look at each lane where the processor has masks.
template <class T>
bool some(PackMask<T> mask) {
#if defined(__AVX512F__)
  return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask) != 0;
#else
  return any<T>(mask);
#endif
}
template <class T>
bool every(PackMask<T> mask) {
  return !some<T>(~mask);
}

}  // namespace minfold::impl

#endif
