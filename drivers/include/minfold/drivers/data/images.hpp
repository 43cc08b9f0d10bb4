// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_DATA_IMAGES_HPP
#define MINFOLD_DRIVERS_DATA_IMAGES_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// Labelled images from files. Errors of all readers: std::invalid_argument with one sentence that
/// names the file and what was expected.
namespace minfold {

struct Images {
  int count = 0, height = 0, width = 0;
  int white = 255;                   ///< brightest pixel value; pixels are integers 0 to white
  int classes = 0;                   ///< labels are 0 to classes - 1
  std::vector<std::uint8_t> pixels;  ///< (image, row, column), row-major
  std::vector<int> labels;           ///< (image)

  int features() const { return height * width; }
  int pixel(int image, int feature) const {
    return pixels[std::size_t(image) * std::size_t(features()) + std::size_t(feature)];
  }
};

/// A collection as it is published: `test` is empty where the source has no split of its own.
struct ImageCollection {
  std::string name;
  Images train, test;
};

/// The 8 x 8 digits of the UCI repository: 64 pixels 0 to 16 and a label 0 to 9 a line.
Images read_digits(std::string const& path);

/// IDX files: magic 00 00 08 (unsigned bytes) and the number of dimensions, one big-endian 32-bit
/// extent a dimension, then the bytes. Images have 3 dimensions, labels 1.
/// Requires: as many labels as images, labels below `classes`.
Images read_idx(std::string const& images_path, std::string const& labels_path, int classes = 10);

/// "digits" or "idx". With a directory: digits.csv[.gz], or {train,t10k}-images-idx3-ubyte[.gz] and
/// {train,t10k}-labels-idx1-ubyte[.gz] in it. Without: the digits that come with minfold, or the
/// place where the Debian package dataset-fashion-mnist puts its files. The largest training label of
/// IDX files says how many classes there are; test labels may not be larger.
ImageCollection load_images(std::string const& dataset, std::string const& directory);

/// Which of the two a directory holds: "idx" if it has IDX training images, else "digits".
std::string dataset_of(std::string const& directory);

/// Means over pool x pool pixels as numbers in [0, 1]: (image, row, column), row-major,
/// height / pool rows and width / pool columns.
/// Requires: pool divides both sides of the images.
std::vector<double> pooled(Images const& images, int pool);

}  // namespace minfold

#endif
