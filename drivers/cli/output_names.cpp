// SPDX-License-Identifier: Apache-2.0
#include "output_names.hpp"

#include <minfold/core/require.hpp>

#include <filesystem>

namespace minfold::cli {
namespace {

/// Where the file is or would be, links followed, also one to a file that is not there yet; the path as it is
/// where that cannot be found out.
std::filesystem::path place(std::string const& path) {
  std::error_code error;
  auto target = std::filesystem::absolute(path, error);
  if (error) return path;
  for (int link = 0; link < 40; ++link) {
    auto const next = std::filesystem::read_symlink(target, error);
    if (error) break;
    target = target.parent_path() / next;
  }
  auto const found = std::filesystem::weakly_canonical(target, error);
  return error ? target : found;
}

}  // namespace

void require_two_files(std::string const& what_a, std::string const& a, std::string const& what_b,
                       std::string const& b) {
  if (a.empty() || b.empty()) return;
  std::error_code ignored;
  auto const status = std::filesystem::status(a, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) return;
  MINFOLD_REQUIRE(place(a) != place(b), what_a, " and ", what_b, " are both ", a,
                  ", expected two files");
}

}  // namespace minfold::cli
