// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_REPRESENTATION_DATA_HPP
#define MINFOLD_PROBLEMS_REPRESENTATION_DATA_HPP

#include <minfold/drivers/data/images.hpp>
#include <minfold/problems/catalog.hpp>

#include <cstdint>
#include <vector>

/// Regression tasks of one size that share a linear representation, and what is known of their
/// bilevel optimum. Host data, row-major, reproducible from the seed.
namespace minfold {

/// One task: X is train x inputs, Y is train x outputs; the same with _v for validation.
struct RepresentationTask {
  std::vector<double> x, y, x_v, y_v;
  std::vector<double> x_test;    ///< images only; (sample, input)
  std::vector<int> test_labels;  ///< within the task
};

struct RepresentationData {
  int inputs = 0, outputs = 0, train = 0, validation = 0;
  std::vector<RepresentationTask> tasks;
};

struct RepresentationOptions {
  int tasks = 1, train = 5, validation = 10;
  int inputs = 12, outputs = 3;  ///< synthetic only
  double noise = 0.3;            ///< synthetic only
  int pool = 1;                  ///< images only: side of the squares of pixels that are averaged
  int test = 0;                  ///< images only: test samples a task; 0: all that are left
  std::uint64_t seed = 1;
};

/// X standard normal, Y = X W + noise times standard normal, W one standard normal matrix a task,
/// scaled by 1 / sqrt(inputs).
RepresentationData make_representation_data(RepresentationOptions const& options);

/// Task t has the classes t c, ..., (t+1) c - 1, c = classes / tasks, Y are their unit vectors. All rows
/// are divided by the square root of the number of samples: 1/2 |X W - Y|^2 is then half the mean
/// squared error.
/// Requires: tasks divides the number of classes, and each has images enough.
RepresentationData make_representation_data(ImageCollection const& images,
                                            RepresentationOptions const& options);

/// Largest singular value of a matrix; 0 of an empty one.
double spectral_norm(int rows, int columns, std::vector<double> a);

/// min over U of 1/2 |Z_v U - Y_v|^2 among the minimizers U of |Z U - Y|^2; Z is train x width, Z_v is
/// validation x width, U is width x outputs. Singular values of Z below 1e-14 `scale` are taken for
/// rounding. DERIVED; the formula is in representation_truth.cpp.
struct SelectedLayer {
  double upper = 0;       ///< 1/2 |Z_v U - Y_v|^2
  std::vector<double> u;  ///< the selected U of least norm
  bool unique = true;     ///< whether it is the only one
  int rank = 0;           ///< of Z
  std::vector<double> v;  ///< (Z^T Z)^+ Z_v^T (Z_v U - Y_v), width x outputs
};
SelectedLayer select_layer(int train, int validation, int width, int outputs,
                           std::vector<double> const& z, std::vector<double> const& y,
                           std::vector<double> const& z_v, std::vector<double> const& y_v,
                           double scale);

/// Sum over tasks of min 1/2 |X_v W - Y_v|^2 among the minimizers W of |X W - Y|^2. This is F(W1) for every
/// W1 of full row rank, since W = W1 W2 is then any matrix (DERIVED). W1 of lower rank may do better:
/// where training cannot be fitted any more, validation is freer.
double constrained_least_squares(RepresentationData const& data);

/// Sum over tasks of min 1/2 |X_v W - Y_v|^2 + gamma/2 |X W - Y|^2: the minimum over (W1, W2) of the penalized
/// objective f + gamma (g - g*) where g* = 0, which holds while X W1 has full row rank.
double penalized_least_squares(RepresentationData const& data, double gamma);

/// F, its gradient and selection at W1 (inputs x hidden, row-major). The selection is empty where it is
/// not unique. All y of one x: tasks x (outputs x hidden), the transposed second layers.
/// A selection that is not unique leaves F differentiable where all selections give one hypergradient;
/// that is what is claimed.
Truth representation_truth(RepresentationData const& data, int hidden,
                           std::vector<double> const& w1);

/// Distance of the second layer y of a task to the minimizers of its lower level.
double representation_distance(RepresentationData const& data, int task, int hidden,
                               std::vector<double> const& w1, std::vector<double> const& y);

}  // namespace minfold

#endif
