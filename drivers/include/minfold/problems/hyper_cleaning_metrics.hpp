// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HYPER_CLEANING_METRICS_HPP
#define MINFOLD_PROBLEMS_HYPER_CLEANING_METRICS_HPP

#include <minfold/problems/hyper_cleaning.hpp>
#include <minfold/problems/hyper_cleaning_mlp.hpp>

#include <vector>

/// What hyper-cleaning is judged by. Host data, double precision.
namespace minfold {

/// Fraction of samples (sample, feature) whose label has the largest of the logits W a.
double accuracy(std::vector<double> const& a, std::vector<int> const& labels,
                std::vector<double> const& w);

/// The same for the network y of HyperCleaningMlp.
double network_accuracy(CleaningData const& data, CleaningMlpModel const& model,
                        std::vector<double> const& a, std::vector<int> const& labels,
                        std::vector<double> const& y);

/// The classifier of least norm that the lower level gives when every sample has weight 1 and the
/// given label.
/// Method: Newton steps from 0, each by conjugate gradients (all iterates stay in the range of the
/// Hessian) and halved until g decreases enough; ends at |grad g| <= 1e-8 of the first one.
std::vector<double> train_equally_weighted(CleaningData data, std::vector<int> const& labels,
                                           CleaningModel const& model);

/// Samples with x_i < 0, weight below 1/2, compared with those whose label is wrong.
struct Found {
  int marked = 0, right = 0;  ///< right: marked and indeed corrupted
  double precision = 0;       ///< right / marked; 0 if none is marked
  double recall = 0;          ///< right / corrupted; 1 if none is corrupted
};
Found corrupted_found(CleaningData const& data, std::vector<double> const& x);

}  // namespace minfold

#endif
