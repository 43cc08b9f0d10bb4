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
  /// Instead, int(classes * corruption) whole classes get one label of another class, as in the code of
  /// arXiv 2504.17215 (FOUND; which classes and which label is drawn here).
  bool whole_classes = false;
  /// Pixels lit in a smaller fraction of the training images are off everywhere: a weight that one
  /// faint dot decides makes the lower Hessian 100 times worse conditioned and tells nothing.
  double rare = 0.01;
  /// Pixels of the training images that are stuck at 0 while validation and test images have them.
  /// Training leaves their weights free: only the upper objective determines them.
  int blind = 0;
  /// Principal components of the training images, as many as explain this fraction of their
  /// variance, in place of the pixels; 0: pixels.
  double components = 0;
  /// Everything from the test images of the source, as in the code of arXiv 2504.17215.
  bool from_test = false;
  std::uint64_t seed = 1;
};

/// Rows of `features` numbers, in [0, 1] if they are pixels; the last one 1 with a bias.
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

/// Replaces the pixels by principal components: the mean of the training rows is subtracted, the
/// eigenvectors of their covariance that explain `fraction` of its trace are the new axes. A last
/// feature of ones stays with `bias`.
void reduce_to_components(CleaningData& data, double fraction, bool bias);

/// Synthetic data with orthogonal training rows of lengths between 1/2 and 2, the last `zero` of them 0:
/// X X^T is diagonal. Validation rows are orthogonal to them and to each other (`joint`) or standard
/// normal. Labels are random. The assumptions of arXiv 2408.16087 for hyper-cleaning: Lemma 2 without
/// `joint`, Theorem 3 with it.
struct OrthogonalCleaningOptions {
  int classes = 5, features = 40, train = 20, validation = 10, zero = 2;
  bool joint = true;
  double corruption = 0.5;
  std::uint64_t seed = 1;
};
CleaningData make_orthogonal_cleaning_data(OrthogonalCleaningOptions const& options);

/// Orthogonal projector onto the kernel of a matrix with `rows` rows of `columns` numbers, from the
/// eigenvectors of A^T A below 1e-12 of its largest eigenvalue. Row-major, columns x columns.
struct KernelProjector {
  int dimension = 0;
  std::vector<double> matrix;
};
KernelProjector kernel_projector(std::vector<double> const& a, int columns);

}  // namespace minfold

#endif
