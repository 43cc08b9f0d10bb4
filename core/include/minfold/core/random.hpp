// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_RANDOM_HPP
#define MINFOLD_CORE_RANDOM_HPP

#include <minfold/core/concepts.hpp>

#include <Random123/philox.h>

#include <cstdint>

/// Random numbers as a pure function of their place: no state, no pool, the same bits on every
/// backend and for every number of threads. Generator: Philox4x32-10 (Salmon et al., SC 2011).
namespace minfold {

/// Separates uses that share a seed (sketches, restarts, Langevin noise, ...).
enum class Stream : std::uint32_t {
  sketch = 0,
  probe = 1,
  restart = 2,
  langevin = 3,
  walk = 4,
  problem = 5,
  test = 6
};

/// Where a number lives. `column` also takes a step counter where a use has one.
struct Place {
  std::uint64_t seed = 0;
  Stream stream = Stream::sketch;
  std::uint32_t item = 0, row = 0, column = 0;
};

/// 52 random bits as (b + 1/2) / 2^52: exact, so strictly inside (0, 1). With 53 bits b + 1/2 would
/// round, the largest of them to 1.
KOKKOS_INLINE_FUNCTION double uniform(Place const& p) {
  r123::Philox4x32 const generator;
  r123::Philox4x32::ctr_type counter = {{p.row, p.column, p.item, std::uint32_t(p.stream)}};
  r123::Philox4x32::key_type key = {{std::uint32_t(p.seed), std::uint32_t(p.seed >> 32)}};
  auto const bits = generator(counter, key);
  std::uint64_t const word = (std::uint64_t(bits[0]) << 32) | bits[1];
  return (double(word >> 12) + 0.5) * (1.0 / 4503599627370496.0);
}

/// Four of them for the cost of one: p.row counts the quadruples. Each has 32 random bits.
KOKKOS_INLINE_FUNCTION void uniform4(Place const& p, double (&out)[4]) {
  r123::Philox4x32 const generator;
  r123::Philox4x32::ctr_type counter = {{p.row, p.column, p.item, std::uint32_t(p.stream)}};
  r123::Philox4x32::key_type key = {{std::uint32_t(p.seed), std::uint32_t(p.seed >> 32)}};
  auto const bits = generator(counter, key);
  for (int t = 0; t < 4; ++t) out[t] = (double(bits[t]) + 0.5) * (1.0 / 4294967296.0);
}

namespace impl {

/// c_0 + c_1 r + ... + c_{N-1} r^{N-1}. Every step is one explicit fma, so that no compiler is
/// free to contract it differently and the result is the same everywhere.
template <int N>
KOKKOS_INLINE_FUNCTION double horner(double r, double const (&c)[N]) {
  double s = c[N - 1];
  for (int i = N - 2; i >= 0; --i) s = Kokkos::fma(s, r, c[i]);
  return s;
}

/// log(x), 0 < x < 1, to about 1e-15 relative: x = 2^e m, log m = 2 atanh((m-1)/(m+1)).
KOKKOS_INLINE_FUNCTION double portable_log(double x) {
  int e = 0;
  while (x < 0.70710678118654752440) {
    x *= 2.0;
    --e;
  }
  double const t = (x - 1.0) / (x + 1.0);
  double const c[] = {2.0,      2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9, 2.0 / 11,
                      2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21};
  return Kokkos::fma(double(e), 0.69314718055994530942, t * horner(t * t, c));
}

}  // namespace impl

/// Quantile of the standard normal distribution, relative accuracy about 1e-15; infinite at 0 and 1,
/// NaN outside [0, 1].
/// Source: Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988).
KOKKOS_INLINE_FUNCTION double normal_quantile(double p) {
  double const a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                      1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                      3.3430575583588128105e+4, 2.5090809287301226727e+3};
  double const b[] = {1.0,
                      4.2313330701600911252e+1,
                      6.8718700749205790830e+2,
                      5.3941960214247511077e+3,
                      2.1213794301586595867e+4,
                      3.9307895800092710610e+4,
                      2.8729085735721942674e+4,
                      5.2264952788528545610e+3};
  double const c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                      5.76949722146069140550e0,  3.64784832476320460504e0,
                      1.27045825245236838258e0,  2.41780725177450611770e-1,
                      2.27238449892691845833e-2, 7.74545014278341407640e-4};
  double const d[] = {1.0,
                      2.05319162663775882187e0,
                      1.67638483018380384940e0,
                      6.89767334985100004550e-1,
                      1.48103976427480074590e-1,
                      1.51986665636164571966e-2,
                      5.47593808499534494600e-4,
                      1.05075007164441684324e-9};
  double const e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                      1.78482653991729133580e0,  2.96560571828504891230e-1,
                      2.65321895265761230930e-2, 1.24266094738807843860e-3,
                      2.71155556874348757815e-5, 2.01033439929228813265e-7};
  double const f[] = {1.0,
                      5.99832206555887937690e-1,
                      1.36929880922735805310e-1,
                      1.48753612908506148525e-2,
                      7.86869131145613259100e-4,
                      1.84631831751005468180e-5,
                      1.42151175831644588870e-7,
                      2.04426310338993978564e-15};
  if (!(p > 0.0 && p < 1.0)) {
    double const infinity = Kokkos::Experimental::infinity_v<double>;
    return p == 0.0 ? -infinity : (p == 1.0 ? infinity : Kokkos::Experimental::quiet_NaN_v<double>);
  }
  double const q = p - 0.5;
  if (Kokkos::abs(q) <= 0.425) {
    double const r = Kokkos::fma(-q, q, 0.180625);
    return q * impl::horner(r, a) / impl::horner(r, b);
  }
  double r = Kokkos::sqrt(-impl::portable_log(q < 0 ? p : 1.0 - p));
  double z;
  if (r <= 5.0) {
    r -= 1.6;
    z = impl::horner(r, c) / impl::horner(r, d);
  } else {
    r -= 5.0;
    z = impl::horner(r, e) / impl::horner(r, f);
  }
  return q < 0 ? -z : z;
}

/// Standard normal number that belongs to this place.
KOKKOS_INLINE_FUNCTION double normal(Place const& p) {
  return normal_quantile(uniform(p));
}

}  // namespace minfold

#endif
