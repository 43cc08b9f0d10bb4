// SPDX-License-Identifier: Apache-2.0
// Tables of numbers, plain and packed: read_csv and, on top of it, read_digits.
#include <minfold/drivers/data/images.hpp>
#include <minfold/drivers/data/table.hpp>

#include "fuzz.hpp"
#include <zlib.h>

#include <cmath>

using namespace minfold;

namespace {

void pack(std::string const& path, std::string_view bytes) {
  gzFile const out = gzopen(path.c_str(), "wb1");
  EXPECT(out != nullptr);
  EXPECT(bytes.empty() || gzwrite(out, bytes.data(), unsigned(bytes.size())) > 0);
  EXPECT(gzclose(out) == Z_OK);
}

void expect_consistent(Table const& table) {
  EXPECT(table.rows > 0 && table.columns > 0);
  EXPECT(table.values.size() == std::size_t(table.rows) * std::size_t(table.columns));
  for (double const value : table.values) EXPECT(std::isfinite(value));
}

void expect_digits(Images const& images) {
  EXPECT(images.count > 0 && images.labels.size() == std::size_t(images.count));
  EXPECT(images.pixels.size() == images.labels.size() * 64);
  for (int const pixel : images.pixels) EXPECT(pixel <= images.white);
  for (int const label : images.labels) EXPECT(label >= 0 && label < images.classes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static fuzz::ScratchFile file(".csv"), packed(".csv.gz");
  auto const text = fuzz::view(data, size);
  file.write(text);
  auto const digits = fuzz::attempt([&] { return read_digits(file.path()); });
  auto const table = fuzz::attempt([&] { return read_csv(file.path()); });
  if (table) expect_consistent(*table);
  if (digits) {
    EXPECT(table && table->columns == 65 && table->rows == digits->count);
    expect_digits(*digits);
  }
  // The same text in a gzip file is the same table; only some inputs, packing takes its time.
  if (size % 32 == 0) {
    pack(packed.path(), text);
    bool const plain = !text.starts_with("\x1f\x8b");
    auto const unpacked = fuzz::attempt([&] { return read_csv(packed.path()); });
    if (plain) EXPECT(unpacked.has_value() == table.has_value());
    if (plain && table) EXPECT(unpacked->values == table->values);
    fuzz::accepted = table.has_value();
  }
  return 0;
}
