// SPDX-License-Identifier: Apache-2.0
#include <minfold/drivers/data/bytes.hpp>
#include <minfold/drivers/data/images.hpp>
#include <minfold/drivers/data/table.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

/// A directory that goes away at the end of a test.
struct TemporaryDirectory {
  std::filesystem::path path;
  TemporaryDirectory() {
    path = std::filesystem::temp_directory_path() /
           ("minfold_data_" + std::to_string(std::random_device{}()));
    std::filesystem::create_directory(path);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }

  std::string plain(std::string const& name, std::string const& bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return (path / name).string();
  }
  std::string packed(std::string const& name, std::string const& bytes) const {
    auto const file = (path / name).string();
    gzFile const out = gzopen(file.c_str(), "wb");
    gzwrite(out, bytes.data(), unsigned(bytes.size()));
    gzclose(out);
    return file;
  }
};

std::string word(std::uint32_t value) {
  return {char(value >> 24), char(value >> 16), char(value >> 8), char(value)};
}
std::string idx_images(std::uint32_t count, std::uint32_t side, std::string const& pixels) {
  return word(0x803) + word(count) + word(side) + word(side) + pixels;
}
std::string idx_labels(std::uint32_t count, std::string const& labels) {
  return word(0x801) + word(count) + labels;
}
std::string const two_images{"\x00\x01\x02\x03\xff\xfe\xfd\xfc", 8};
std::string const two_labels{"\x07\x00", 2};

template <class Call>
void refuses(Call const& call, std::string const& file, std::string const& expected) {
  REQUIRE_THROWS_MATCHES(call(), std::invalid_argument,
                         MessageMatches(ContainsSubstring(file) && ContainsSubstring(expected)));
}

}  // namespace

TEST_CASE("the digits that come with minfold are the 1797 published ones") {
  auto const digits = minfold::load_images("digits", MINFOLD_DATA_DIR);
  auto const& images = digits.train;
  REQUIRE(digits.test.count == 0);
  REQUIRE(images.count == 1797);
  REQUIRE(images.features() == 64);
  REQUIRE(images.white == 16);
  int const counts[10] = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
  for (int c = 0; c < 10; ++c) {
    CHECK(std::count(images.labels.begin(), images.labels.end(), c) == counts[c]);
  }
  // The first line of the file.
  int const first_row[8] = {0, 0, 5, 13, 9, 1, 0, 0};
  for (int i = 0; i < 8; ++i) CHECK(images.pixel(0, i) == first_row[i]);
  CHECK(images.labels[0] == 0);
  CHECK(*std::max_element(images.pixels.begin(), images.pixels.end()) == 16);
  long sum = 0;
  for (int const pixel : images.pixels) sum += pixel;
  CHECK(sum == 561718);
}

TEST_CASE("IDX files are read plain and packed, and averaged over squares") {
  TemporaryDirectory const files;
  auto const images = files.plain("train-images-idx3-ubyte", idx_images(2, 2, two_images));
  auto const labels = files.packed("train-labels-idx1-ubyte.gz", idx_labels(2, two_labels));
  files.packed("t10k-images-idx3-ubyte.gz", idx_images(1, 2, two_images.substr(4)));
  files.plain("t10k-labels-idx1-ubyte", idx_labels(1, "\x03"));
  CHECK(minfold::dataset_of(files.path.string()) == "idx");
  auto const both = minfold::load_images("idx", files.path.string());
  REQUIRE(both.train.count == 2);
  REQUIRE(both.test.count == 1);
  CHECK(both.train.pixel(0, 3) == 3);
  CHECK(both.train.pixel(1, 0) == 255);
  CHECK(both.train.labels == std::vector<int>{7, 0});
  CHECK(both.test.labels == std::vector<int>{3});

  auto const means = minfold::pooled(both.train, 2);
  REQUIRE(means.size() == 2);
  CHECK(std::abs(means[0] - 1.5 / 255) < 1e-15);
  CHECK(minfold::pooled(both.train, 1)[1] == 1.0 / 255);
  REQUIRE_THROWS_MATCHES(minfold::pooled(both.train, 3), std::invalid_argument,
                         MessageMatches(ContainsSubstring("pool=3")));
}

TEST_CASE("broken IDX files are refused with a sentence that names the file") {
  TemporaryDirectory const files;
  auto const images = files.plain("images", idx_images(2, 2, two_images));
  auto const labels = files.plain("labels", idx_labels(2, two_labels));
  using minfold::read_idx;
  refuses([&] { read_idx(files.path.string() + "/none", labels); }, "/none", "nothing there");
  refuses([&] { read_idx(files.path.string(), labels); }, "", "expected a file");
  refuses([&] { read_idx(labels, labels); }, "/labels", "magic number 2051");
  refuses([&] { read_idx(images, images); }, "/images", "magic number 2049");
  auto const cut = files.plain("cut", idx_images(2, 2, two_images.substr(0, 7)));
  refuses([&] { read_idx(cut, labels); }, "/cut", "ends after 7");
  auto const longer = files.plain("longer", idx_images(2, 2, two_images + "x"));
  refuses([&] { read_idx(longer, labels); }, "/longer", "goes on");
  auto const header = files.plain("header", word(0x803) + word(2));
  refuses([&] { read_idx(header, labels); }, "/header", "bytes of header");
  auto const none = files.plain("none_inside", idx_images(0, 2, ""));
  refuses([&] { read_idx(none, labels); }, "/none_inside", "extents of at least 1");
  auto const three = files.plain("three", idx_labels(3, "\x01\x02\x03"));
  refuses([&] { read_idx(images, three); }, "/three", "expected 2 labels");
  auto const range = files.plain("range", idx_labels(2, "\x01\x0a"));
  refuses([&] { read_idx(images, range); }, "/range", "labels from 0 to 9, found 10");

  SECTION("a claim of more bytes than the file can hold allocates nothing") {
    auto const huge = files.plain("huge", idx_images(0xffffffffu, 2, two_images));
    refuses([&] { read_idx(huge, labels); }, "/huge", "2^31 bytes");
    auto const exact = files.plain("exact", word(0x803) + word(1) + word(65536) + word(32768));
    refuses([&] { read_idx(exact, labels); }, "/exact", "claims 2^31 bytes of images or more");
    auto const large = files.plain("large", idx_images(400'000'000u, 2, two_images));
    refuses([&] { read_idx(large, labels); }, "/large", "holds at most 24");
    auto const large_packed = files.packed("large.gz", idx_images(400'000'000u, 2, two_images));
    refuses([&] { read_idx(large_packed, labels); }, "/large.gz", "holds at most");
  }

  SECTION("gzip files that were cut or changed are recognized") {
    std::string noise(4000, '\0');
    std::mt19937 random(1);
    for (char& c : noise) c = char(random());
    auto const whole = files.packed("whole.gz", idx_images(1000, 2, noise));
    std::ifstream in(whole, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(in)), {});
    auto const short_file = files.plain("short.gz", bytes.substr(0, bytes.size() / 2));
    refuses([&] { read_idx(short_file, labels); }, "/short.gz", "truncated");
    bytes[bytes.size() - 6] = char(~bytes[bytes.size() - 6]);
    auto const changed = files.plain("changed.gz", bytes);
    refuses([&] { read_idx(changed, labels); }, "/changed.gz", "damaged");
  }
}

TEST_CASE("tables are read strictly") {
  TemporaryDirectory const files;
  auto const table = minfold::read_csv(files.plain("good", "1, -2.5,3e2\r\n4,5,6"));
  REQUIRE(table.rows == 2);
  REQUIRE(table.columns == 3);
  CHECK(table(0, 1) == -2.5);
  CHECK(table(0, 2) == 300);
  CHECK(table(1, 2) == 6);

  auto const refuse = [&](std::string const& text, std::string const& expected, int columns = 0) {
    auto const file = files.plain("table", text);
    refuses([&] { minfold::read_csv(file, columns); }, "/table", expected);
  };
  refuse("", "the file is empty");
  refuse("1,2\n3\n", "line 2: expected 2 fields, found 1");
  refuse("1,2\n", "expected 3 fields, found 2", 3);
  refuse("1,2\n\n3,4\n", "line 2, field 1: expected a number, found ''");
  refuse("1,two\n", "line 1, field 2: expected a number, found 'two'");
  refuse("1,2x\n", "found '2x'");
  refuse("1,nan\n", "expected a finite number");
  refuse("inf,1\n", "expected a finite number");
  refuses([&] { minfold::read_csv(files.path.string() + "/none"); }, "/none", "nothing there");
}

TEST_CASE("digits out of range are refused") {
  TemporaryDirectory const files;
  std::string line = "17";
  for (int i = 1; i < 64; ++i) line += ",0";
  auto const bright = files.plain("bright", line + ",1\n");
  refuses([&] { minfold::read_digits(bright); }, "/bright", "a pixel, an integer from 0 to 16");
  line.replace(0, 2, "16");
  auto const label = files.plain("label", line + ",10\n");
  refuses([&] { minfold::read_digits(label); }, "/label", "a label, an integer from 0 to 9");
  auto const half = files.plain("half", line + ",1.5\n");
  refuses([&] { minfold::read_digits(half); }, "/half", "found 1.5");
  CHECK(minfold::read_digits(files.plain("good", line + ",1\n")).count == 1);
  refuses([&] { minfold::load_images("digits", files.path.string()); }, "", "digits.csv.gz");
  refuses([&] { minfold::load_images("idx", files.path.string()); }, "", "train-images-idx3-ubyte");
}

TEST_CASE("Fashion-MNIST of the Debian package is read where it is installed") {
  std::string const place = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::is_directory(place)) SKIP("the package dataset-fashion-mnist is absent");
  auto const images = minfold::load_images("idx", "");
  CHECK(images.train.count == 60000);
  CHECK(images.test.count == 10000);
  CHECK(images.train.features() == 784);
  CHECK(std::count(images.train.labels.begin(), images.train.labels.end(), 9) == 6000);
}
