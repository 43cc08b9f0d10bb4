// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>

#include "entries.hpp"

#include <algorithm>
#include <numeric>

namespace minfold {
namespace {

/// Levenshtein distance.
int edit_distance(std::string const& a, std::string const& b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = int(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      int const above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::vector<CatalogEntry> const& catalog() {
  static std::vector<CatalogEntry> const entries = {
      sphere_entry(),        affine_entry(),        stiefel_entry(),  orthogonal_orbit_entry(),
      phase_orbit_entry(),   line_entry(),          two_well_entry(), reweighting_entry(),
      kink_entry(),          kinks_entry(),         hoelder_entry(),  flat_entry(),
      redundant_arm_entry(), hyper_cleaning_entry()};
  return entries;
}

CatalogEntry const& find_problem(std::string const& name) {
  auto const& entries = catalog();
  auto const found = std::find_if(entries.begin(), entries.end(),
                                  [&](CatalogEntry const& e) { return e.name == name; });
  if (found != entries.end()) return *found;
  auto const nearest = std::min_element(
      entries.begin(), entries.end(), [&](CatalogEntry const& a, CatalogEntry const& b) {
        return edit_distance(a.name, name) < edit_distance(b.name, name);
      });
  MINFOLD_REQUIRE(false, "there is no problem ", name, "; did you mean ", nearest->name, "?");
  return *nearest;
}

}  // namespace minfold
