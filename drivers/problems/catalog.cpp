// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/impl/edit_distance.hpp>

#include "entries.hpp"

#include <algorithm>

namespace minfold {
std::vector<CatalogEntry> const& catalog() {
  static std::vector<CatalogEntry> const entries = {
      sphere_entry(),         affine_entry(),
      stiefel_entry(),        orthogonal_orbit_entry(),
      phase_orbit_entry(),    line_entry(),
      two_well_entry(),       reweighting_entry(),
      kink_entry(),           kinks_entry(),
      hoelder_entry(),        flat_entry(),
      redundant_arm_entry(),  hyper_cleaning_entry(),
      convex_toy_entry(),     cosine_toy_entry(),
      quadratic_entry(),      coreset_entry(),
      example_one_entry(),    sine_toy_entry(),
      representation_entry(), diagonal_cleaning_entry()};
  return entries;
}

CatalogEntry const& find_problem(std::string const& name) {
  auto const& entries = catalog();
  auto const found = std::find_if(entries.begin(), entries.end(),
                                  [&](CatalogEntry const& e) { return e.name == name; });
  if (found != entries.end()) return *found;
  auto const nearest = std::min_element(
      entries.begin(), entries.end(), [&](CatalogEntry const& a, CatalogEntry const& b) {
        return impl::edit_distance(a.name, name) < impl::edit_distance(b.name, name);
      });
  MINFOLD_REQUIRE(false, "there is no problem ", name, "; did you mean ", nearest->name, "?");
  return *nearest;
}

}  // namespace minfold
