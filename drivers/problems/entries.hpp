// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_ENTRIES_HPP
#define MINFOLD_PROBLEMS_ENTRIES_HPP

#include <minfold/problems/catalog.hpp>

/// One function a problem; catalog.cpp lists them.
namespace minfold {

CatalogEntry sphere_entry();
CatalogEntry affine_entry();
CatalogEntry stiefel_entry();
CatalogEntry orthogonal_orbit_entry();
CatalogEntry phase_orbit_entry();
CatalogEntry line_entry();
CatalogEntry two_well_entry();
CatalogEntry reweighting_entry();
CatalogEntry kink_entry();
CatalogEntry kinks_entry();
CatalogEntry hoelder_entry();
CatalogEntry flat_entry();
CatalogEntry redundant_arm_entry();
CatalogEntry hyper_cleaning_entry();
CatalogEntry convex_toy_entry();
CatalogEntry cosine_toy_entry();
CatalogEntry quadratic_entry();
CatalogEntry coreset_entry();
CatalogEntry example_one_entry();
CatalogEntry sine_toy_entry();
CatalogEntry representation_entry();
CatalogEntry diagonal_cleaning_entry();

}  // namespace minfold

#endif
