// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HYPER_CLEANING_DATA_HPP
#define MINFOLD_PROBLEMS_HYPER_CLEANING_DATA_HPP

#include <minfold/drivers/data/images.hpp>

#include <cstdint>
#include <vector>

/// Images cut into training, validation and test samples, with wrong labels put into the training
/// part. Host data, reproducible from the seed.
namespace minfold {

struct CleaningOptions {
  int train = 900, validation = 400;
  int test = 0;  ///< 0: everything that is left
  int pool = 1;  ///< side of the squares of pixels that are averaged
  bool bias = true;
  double corruption = 0.4;  ///< fraction of training samples that get a new label
  /// The new label is never the true one; otherwise it is drawn from all classes, and
  /// 1 / classes of the new labels are right after all.
  bool exclusive = true;
  /// Pixels lit in a smaller fraction of the training images are off everywhere: a weight that one
  /// faint dot decides makes the lower Hessian 100 times worse conditioned and tells nothing.
  double rare = 0.01;
  /// Pixels of the training images that are stuck at 0 while validation and test images have them.
  /// Training leaves their weights free: only the upper objective determines them.
  int blind = 0;
  std::uint64_t seed = 1;
};

/// Rows of `features` numbers in [0, 1], the last one 1 with a bias.
struct CleaningData {
  int classes = 0, features = 0;
  std::vector<double> train, validation, test;  ///< (sample, feature), row-major
  std::vector<int> train_labels;                ///< as the lower level sees them
  std::vector<int> true_labels, validation_labels, test_labels;
  int relabelled = 0;  ///< training samples that were given a new label
  int corrupted = 0;   ///< of these, the ones whose label is wrong

  int train_size() const { return int(train_labels.size()); }
  int validation_size() const { return int(validation_labels.size()); }
  int test_size() const { return int(test_labels.size()); }
};

/// Requires: the images suffice for the sizes asked for.
CleaningData make_cleaning_data(ImageCollection const& images, CleaningOptions const& options);

/// Orthogonal projector onto the kernel of a matrix with `rows` rows of `columns` numbers, from the
/// eigenvectors of A^T A below 1e-12 of its largest eigenvalue. Row-major, columns x columns.
struct KernelProjector {
  int dimension = 0;
  std::vector<double> matrix;
};
KernelProjector kernel_projector(std::vector<double> const& a, int columns);

}  // namespace minfold

#endif
