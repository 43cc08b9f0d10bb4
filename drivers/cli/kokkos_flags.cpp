// SPDX-License-Identifier: Apache-2.0
#include "kokkos_flags.hpp"

#include <minfold/core/require.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace minfold::cli {
namespace {

enum class Kind { number, flag, mapping, text };

struct Known {
  char const *flag, *variable;
  Kind kind;
  int low, high;
};

/// The size of a table in Kokkos' OpenMP backend, which it does not compare with.
constexpr int most_threads = 512;
constexpr Known known[] = {
    {"--kokkos-num-threads", "KOKKOS_NUM_THREADS", Kind::number, 1, most_threads},
    {"--kokkos-device-id", "KOKKOS_DEVICE_ID", Kind::number, 0, 1 << 20},
    {"--kokkos-map-device-id-by", "KOKKOS_MAP_DEVICE_ID_BY", Kind::mapping, 0, 0},
    {"--kokkos-disable-warnings", "KOKKOS_DISABLE_WARNINGS", Kind::flag, 0, 0},
    {"--kokkos-print-configuration", "KOKKOS_PRINT_CONFIGURATION", Kind::flag, 0, 0},
    {"--kokkos-tune-internals", "KOKKOS_TUNE_INTERNALS", Kind::flag, 0, 0},
    {"--kokkos-tools-libs", nullptr, Kind::text, 0, 0},
    {"--kokkos-tools-args", nullptr, Kind::text, 0, 0},
};

bool is_one_of(std::string text, std::initializer_list<std::string_view> words) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  return std::find(words.begin(), words.end(), text) != words.end();
}

/// `shown` is what the user wrote; without a value a flag is on and a number is missing.
void require_value(Known const& entry, std::string const& shown,
                   std::optional<std::string> const& value) {
  switch (entry.kind) {
    case Kind::number: {
      int number = 0;
      char const* const end = value ? value->data() + value->size() : nullptr;
      bool good = false;
      if (value) {
        auto const [stop, error] = std::from_chars(value->data(), end, number);
        good = error == std::errc() && stop == end;
      }
      MINFOLD_REQUIRE(good && entry.low <= number && number <= entry.high, shown,
                      ": expected an integer from ", entry.low, " to ", entry.high,
                      value ? "" : ", as in " + shown + "=2");
      return;
    }
    case Kind::flag:
      MINFOLD_REQUIRE(!value || is_one_of(*value, {"true", "yes", "1", "false", "no", "0"}), shown,
                      ": expected true or false");
      return;
    case Kind::mapping:
      MINFOLD_REQUIRE(value && (*value == "random" || *value == "mpi_rank"), shown,
                      ": expected random or mpi_rank");
      return;
    case Kind::text:
      MINFOLD_REQUIRE(value && !value->empty(), shown, ": expected a value, as in ", entry.flag,
                      "=...");
      return;
  }
}

}  // namespace

void require_readable_kokkos_flags(std::vector<std::string> const& flags) {
  for (auto const& entry : known) {
    for (auto const& flag : flags) {
      if (flag.rfind(entry.flag, 0) != 0) continue;
      // Kokkos takes what begins like a flag for the flag.
      auto const equals = flag.find('=');
      MINFOLD_REQUIRE(flag.substr(0, equals) == entry.flag, flag,
                      ": Kokkos has no such flag, see --kokkos-help");
      require_value(
          entry, flag,
          equals == std::string::npos ? std::nullopt : std::optional(flag.substr(equals + 1)));
    }
    char const* const value = entry.variable ? std::getenv(entry.variable) : nullptr;
    if (value) require_value(entry, std::string(entry.variable) + "=" + value, value);
  }
}

}  // namespace minfold::cli
