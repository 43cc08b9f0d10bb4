// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/data/bytes.hpp>
#include <minfold/drivers/data/images.hpp>
#include <minfold/drivers/data/table.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

namespace minfold {
namespace {

/// Where the Debian package dataset-fashion-mnist puts its four files.
constexpr char const* system_idx = "/usr/share/datasets/fashion-mnist";

/// Where minfold's own data may be: next to an installed executable, in the source tree it was built
/// from, where it was to be installed.
std::vector<std::string> shipped_directories() {
  std::vector<std::string> directories;
#ifdef MINFOLD_DATA_FROM_EXECUTABLE
  // An installation may be moved, or have been given its place only when it was installed.
  std::error_code unknown;
  auto const program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (!unknown)
    directories.push_back(
        (program.parent_path() / MINFOLD_DATA_FROM_EXECUTABLE).lexically_normal().string());
#endif
#ifdef MINFOLD_DATA_DIR
  directories.emplace_back(MINFOLD_DATA_DIR);
#endif
#ifdef MINFOLD_INSTALLED_DATA_DIR
  directories.emplace_back(MINFOLD_INSTALLED_DATA_DIR);
#endif
  return directories;
}

/// directory/name or directory/name.gz, whichever is there; empty if none.
std::string find_either(std::string const& directory, std::string const& name) {
  for (char const* const ending : {"", ".gz"}) {
    auto const path = (std::filesystem::path(directory) / (name + ending)).string();
    std::error_code unreadable;  // then it is not there for us
    if (std::filesystem::is_regular_file(path, unreadable)) return path;
  }
  return {};
}

void require_directory(std::string const& path, std::string const& expected) {
  std::error_code error;
  bool const found = std::filesystem::is_directory(path, error);
  MINFOLD_REQUIRE(found, path, ": expected ", expected,
                  error ? ", found: " + error.message() : std::string());
}

std::string require_either(std::string const& directory, std::string const& name) {
  auto const path = find_either(directory, name);
  MINFOLD_REQUIRE(!path.empty(), directory, ": expected ", name, " or ", name,
                  ".gz in this directory");
  return path;
}

std::string extents_text(std::vector<std::uint32_t> const& extents) {
  std::string text;
  for (auto const extent : extents) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

struct Idx {
  std::vector<std::uint32_t> extents;
  std::string bytes;
};

/// The product of the extents may not overflow and is limited by what the file can hold, so that a
/// wrong header is refused before anything is allocated.
Idx read_idx_array(std::string const& path, int dimensions, std::string const& what) {
  ByteReader reader(path);
  auto const word = [](std::string const& bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = (value << 8) | std::uint8_t(bytes[at + i]);
    return value;
  };
  std::uint32_t const magic = word(reader.read(4, "magic number"), 0);
  std::uint32_t const expected = 0x800u + std::uint32_t(dimensions);
  MINFOLD_REQUIRE(magic == expected, path, ": expected the magic number ", expected, " of IDX ",
                  what, " (unsigned bytes, ", dimensions, " dimension(s)), found ", magic);
  std::string const header = reader.read(4 * std::uint64_t(dimensions), "header");
  Idx array;
  std::uint64_t size = 1;
  for (int i = 0; i < dimensions; ++i) {
    array.extents.push_back(word(header, 4 * std::size_t(i)));
    std::uint64_t const extent = array.extents.back();
    MINFOLD_REQUIRE(extent > 0, path, ": expected extents of at least 1, found ", extent);
    // All counts are int: 2^31 itself would not fit.
    MINFOLD_REQUIRE(size <= ((std::uint64_t(1) << 31) - 1) / extent, path,
                    ": the header claims 2^31 bytes of ", what, " or more");
    size *= extent;
  }
  array.bytes = reader.read(size, what + " (" + extents_text(array.extents) + ")");
  reader.require_end(extents_text(array.extents) + " " + what);
  return array;
}

}  // namespace

Images read_digits(std::string const& path) {
  constexpr int side = 8, features = side * side, white = 16, classes = 10;
  Table const table = read_csv(path, features + 1);
  Images images{table.rows, side, side, white, classes, {}, {}};
  for (int row = 0; row < table.rows; ++row) {
    for (int i = 0; i <= features; ++i) {
      double const value = table(row, i);
      bool const label = i == features;
      int const largest = label ? classes - 1 : white;
      MINFOLD_REQUIRE(value == std::floor(value) && value >= 0 && value <= largest, path, ", line ",
                      row + 1, ": expected a ", label ? "label" : "pixel",
                      ", an integer from 0 to ", largest, ", in field ", i + 1, ", found ", value);
      if (label)
        images.labels.push_back(int(value));
      else
        images.pixels.push_back(std::uint8_t(value));
    }
  }
  return images;
}

Images read_idx(std::string const& images_path, std::string const& labels_path, int classes) {
  Idx const labels = read_idx_array(labels_path, 1, "labels");
  Idx const pixels = read_idx_array(images_path, 3, "images");
  MINFOLD_REQUIRE(labels.extents[0] == pixels.extents[0], labels_path, ": expected ",
                  pixels.extents[0], " labels, one for each image of ", images_path, ", found ",
                  labels.extents[0]);
  Images images{
      int(pixels.extents[0]), int(pixels.extents[1]), int(pixels.extents[2]), 255, classes, {}, {}};
  images.pixels.assign(pixels.bytes.begin(), pixels.bytes.end());
  for (std::size_t i = 0; i < labels.bytes.size(); ++i) {
    int const label = std::uint8_t(labels.bytes[i]);
    MINFOLD_REQUIRE(label < classes, labels_path, ": expected labels from 0 to ", classes - 1,
                    ", found ", label, " for image ", i);
    images.labels.push_back(label);
  }
  return images;
}

std::string dataset_of(std::string const& directory) {
  return !directory.empty() && !find_either(directory, "train-images-idx3-ubyte").empty()
             ? "idx"
             : "digits";
}

ImageCollection load_images(std::string const& dataset, std::string const& directory) {
  if (!directory.empty()) require_directory(directory, "a directory with the data files");
  ImageCollection collection;
  collection.name = dataset;
  if (dataset == "digits") {
    if (!directory.empty()) {
      auto const path = find_either(directory, "digits.csv");
      MINFOLD_REQUIRE(!path.empty(), directory,
                      ": expected the IDX files train-images-idx3-ubyte[.gz], "
                      "train-labels-idx1-ubyte[.gz] and the same of t10k, or digits.csv or "
                      "digits.csv.gz, in this directory");
      collection.train = read_digits(path);
      return collection;
    }
    for (auto const& place : shipped_directories()) {
      if (auto const path = find_either(place, "digits.csv"); !path.empty()) {
        collection.train = read_digits(path);
        return collection;
      }
    }
    impl::refuse(
        "digits.csv.gz is not where this build expects its data; give the directory that "
        "holds it with --data DIR");
  }
  MINFOLD_REQUIRE(dataset == "idx", "dataset ", dataset, ": expected digits or idx");
  std::string const place = directory.empty() ? system_idx : directory;
  require_directory(place,
                    "a directory with IDX files (give one with --data DIR, or install the Debian "
                    "package dataset-fashion-mnist)");
  // MNIST has ten classes, EMNIST up to 62: the training labels say it.
  auto const part = [&](std::string const& prefix, int classes) {
    auto const images = require_either(place, prefix + "-images-idx3-ubyte");
    return read_idx(images, require_either(place, prefix + "-labels-idx1-ubyte"), classes);
  };
  collection.name = place;
  collection.train = part("train", 256);
  auto const& labels = collection.train.labels;
  collection.train.classes = 1 + *std::max_element(labels.begin(), labels.end());
  collection.test = part("t10k", collection.train.classes);
  MINFOLD_REQUIRE(collection.train.height == collection.test.height &&
                      collection.train.width == collection.test.width,
                  place, ": expected images of one size, found ", collection.train.height, " x ",
                  collection.train.width, " and ", collection.test.height, " x ",
                  collection.test.width);
  return collection;
}

std::vector<double> pooled(Images const& images, int pool) {
  MINFOLD_REQUIRE(pool >= 1 && images.height % pool == 0 && images.width % pool == 0, "pool=", pool,
                  ": expected a number that divides both sides of images of ", images.height, " x ",
                  images.width, " pixels");
  int const rows = images.height / pool, columns = images.width / pool;
  double const unit = 1.0 / (double(images.white) * pool * pool);
  std::vector<double> means;
  means.reserve(std::size_t(images.count) * std::size_t(rows * columns));
  for (int image = 0; image < images.count; ++image) {
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) {
        int sum = 0;
        for (int i = 0; i < pool; ++i) {
          for (int j = 0; j < pool; ++j) {
            sum += images.pixel(image, (r * pool + i) * images.width + c * pool + j);
          }
        }
        means.push_back(sum * unit);
      }
    }
  }
  return means;
}

}  // namespace minfold
