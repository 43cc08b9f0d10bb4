// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HYPER_CLEANING_TRUTH_HPP
#define MINFOLD_PROBLEMS_HYPER_CLEANING_TRUTH_HPP

#include <minfold/problems/catalog.hpp>
#include <minfold/problems/hyper_cleaning.hpp>

#include <vector>

/// Closed forms of hyper-cleaning with a linear model and the squared loss. Host data.
namespace minfold {

/// With D = diag(sigmoid(x_i)) / N, A = X^T (D + ridge/N I) X + 2 decay I (DERIVED):
///   W = A^+ X^T D Y + K B, the columns of K span ker A and B minimizes f,
///   V = A^+ X_v^T (X_v W - Y_v) / M,   dF/dx_i = -sigmoid'(x_i)/N <V^T a_i, W^T a_i - y_i>.
/// Where X X^T is diagonal and neither ridge nor decay is there, W^T a_i = y_i for all samples a_i that are
/// not 0, whatever the weights: S(x) and F do not depend on x.
/// Costs: an eigenvalue problem of order `features`.
Truth squared_cleaning_truth(CleaningData const& data, CleaningModel const& model,
                             std::vector<double> const& x);

/// Distance of y (classes x features) to S(x).
double squared_cleaning_distance(CleaningData const& data, CleaningModel const& model,
                                 std::vector<double> const& x, std::vector<double> const& y);

}  // namespace minfold

#endif
