// SPDX-License-Identifier: Apache-2.0
// IDX images and labels. An input is two files: two bytes, little-endian, say how long the labels
// are; labels and images follow.
#include <minfold/drivers/data/images.hpp>

#include "fuzz.hpp"

#include <algorithm>

using namespace minfold;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static fuzz::ScratchFile labels_file("-labels"), images_file("-images");
  if (size < 2) return -1;
  std::size_t const length = std::min<std::size_t>(data[0] + 256u * data[1], size - 2);
  labels_file.write(fuzz::view(data + 2, length));
  images_file.write(fuzz::view(data + 2 + length, size - 2 - length));

  constexpr int classes = 10;
  auto const images =
      fuzz::attempt([&] { return read_idx(images_file.path(), labels_file.path(), classes); });
  if (!images) return 0;
  EXPECT(images->count > 0 && images->height > 0 && images->width > 0);
  EXPECT(images->classes == classes);
  EXPECT(images->labels.size() == std::size_t(images->count));
  EXPECT(images->pixels.size() ==
         std::size_t(images->count) * std::size_t(images->height) * std::size_t(images->width));
  for (int const label : images->labels) EXPECT(label >= 0 && label < classes);
  auto const same = fuzz::attempt([&] { return pooled(*images, 1); });
  EXPECT(same && same->size() == images->pixels.size());
  auto const halves = fuzz::attempt([&] { return pooled(*images, 2); });
  bool const even = images->height % 2 == 0 && images->width % 2 == 0;
  EXPECT(halves.has_value() == even);
  if (halves)
    for (double const mean : *halves) EXPECT(mean >= 0 && mean <= 1 + 1e-15);
  fuzz::accepted = true;
  return 0;
}
