// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

using minfold::Place;
using minfold::Stream;

TEST_CASE("Philox gives the known answers of Random123") {
  // kat_vectors of the Random123 distribution, philox4x32 with 10 rounds.
  struct Known {
    std::uint32_t counter[4], key[2], answer[4];
  };
  Known const known[] = {{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                         {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                          {0xffffffff, 0xffffffff},
                          {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                         {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                          {0xa4093822, 0x299f31d0},
                          {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
  for (auto const& k : known) {
    auto const bits = r123::Philox4x32()({{k.counter[0], k.counter[1], k.counter[2], k.counter[3]}},
                                         {{k.key[0], k.key[1]}});
    for (int i = 0; i < 4; ++i) CHECK(bits[i] == k.answer[i]);
    // The place is (seed = key, row, column, item, stream = counter); no bit may get lost on the way.
    Place const place{(std::uint64_t(k.key[1]) << 32) | k.key[0], Stream(k.counter[3]),
                      k.counter[2], k.counter[0], k.counter[1]};
    std::uint64_t const word = (std::uint64_t(k.answer[0]) << 32) | k.answer[1];
    CHECK(minfold::uniform(place) == (double(word >> 12) + 0.5) / 4503599627370496.0);
  }
}

TEST_CASE("each part of a place changes the number") {
  Place const base{3, Stream::probe, 4, 5, 6};
  std::set<double> seen{minfold::uniform(base)};
  auto const is_new = [&](Place const& p) { return seen.insert(minfold::uniform(p)).second; };
  CHECK(is_new({3 + (std::uint64_t(1) << 40), Stream::probe, 4, 5, 6}));
  CHECK(is_new({4, Stream::probe, 4, 5, 6}));
  CHECK(is_new({3, Stream::walk, 4, 5, 6}));
  CHECK(is_new({3, Stream::probe, 5, 5, 6}));
  CHECK(is_new({3, Stream::probe, 4, 4, 6}));
  CHECK(is_new({3, Stream::probe, 4, 5, 7}));
  CHECK_FALSE(is_new(base));
}

TEST_CASE("the normal quantile inverts the normal distribution") {
  // Values of the quantile; those at 0.25, 0.001 and 1e-20 are the check values of Wichura (1988).
  struct Known {
    double p, z;
  };
  for (auto const& k : {Known{0.25, -0.67448975019608174320}, Known{0.001, -3.0902323061678135415},
                        Known{1e-20, -9.262340089798408}, Known{0.975, 1.9599639845400542355},
                        Known{0.5, 0.0}, Known{1e-9, -5.9978070150076868716}}) {
    INFO("p = " << k.p);
    // 16 eps: about the claim of AS 241 plus the rounding of 1 - p.
    CHECK(std::abs(minfold::normal_quantile(k.p) - k.z) <= 16 * 2.2e-16 * (1 + std::abs(k.z)));
  }
  for (double p = 5.6e-17; p < 1; p = p < 0.01 ? p * 1.7 : p + 0.0077) {
    double const z = minfold::normal_quantile(p);
    double const back = 0.5 * std::erfc(-z / std::sqrt(2.0));
    INFO("p = " << p);
    // d log Phi / dz ~ |z| in the tail, so an error eps |z| of z is one eps z^2 of p.
    CHECK(std::abs(back - p) <= 8 * 2.2e-16 * p * (2 + z * z));
    if (p < 0.5) CHECK(minfold::normal_quantile(1 - p) >= 0);
  }
  CHECK(minfold::normal_quantile(0) == -std::numeric_limits<double>::infinity());
  CHECK(minfold::normal_quantile(1) == std::numeric_limits<double>::infinity());
  CHECK(std::isnan(minfold::normal_quantile(std::nan(""))));
  CHECK(std::isnan(minfold::normal_quantile(1.5)));
}

TEST_CASE("the smallest and the largest random bits give finite normals") {
  double const bits = 4503599627370496.0;
  double const least = 0.5 / bits, most = (bits - 1 + 0.5) / bits;
  CHECK(least > 0);
  CHECK(most < 1);
  CHECK(std::abs(minfold::normal_quantile(least) + minfold::normal_quantile(most)) <= 1e-14);
  CHECK(minfold::normal_quantile(most) < 8.3);
}

TEST_CASE("normals have the moments of the normal distribution and no correlation of neighbours") {
  int const count = 200000;
  double moment[5] = {}, neighbour = 0, last = 0;
  for (int i = 0; i < count; ++i) {
    double const x = minfold::normal({11, Stream::test, 0, std::uint32_t(i), 0});
    REQUIRE(std::isfinite(x));
    double power = 1;
    for (double& m : moment) {
      m += power / count;
      power *= x;
    }
    neighbour += x * last / count;
    last = x;
  }
  // Five standard deviations of each sample mean: sqrt(1, 2, 15, 96) / sqrt(count).
  double const sd = 5 / std::sqrt(double(count));
  CHECK(std::abs(moment[1]) < sd);
  CHECK(std::abs(moment[2] - 1) < sd * std::sqrt(2.0));
  CHECK(std::abs(moment[3]) < sd * std::sqrt(15.0));
  CHECK(std::abs(moment[4] - 3) < sd * std::sqrt(96.0));
  CHECK(std::abs(neighbour) < sd);
}

TEST_CASE("numbers drawn in a kernel are those drawn on the host, bit for bit") {
  using Space = Kokkos::DefaultExecutionSpace;
  int const n = 1000;
  Kokkos::View<double*, Space> drawn("test::drawn", n);
  Kokkos::parallel_for(
      "test::draw", Kokkos::RangePolicy<Space>(Space(), 0, n), KOKKOS_LAMBDA(int i) {
        drawn(i) = minfold::normal({5, Stream::sketch, 2, std::uint32_t(i), 9});
      });
  auto const host = minfold::to_host(Space(), drawn);
  for (int i = 0; i < n; ++i)
    REQUIRE(host(i) == minfold::normal({5, Stream::sketch, 2, std::uint32_t(i), 9}));
}
