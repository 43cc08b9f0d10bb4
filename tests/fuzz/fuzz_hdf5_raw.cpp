// SPDX-License-Identifier: Apache-2.0
// Any bytes as an HDF5 file. HDF5 is not made for files of strangers: what is found here is first of
// all found in its library, and is not this reader's to mend. README.md says what that means.
#include <minfold/files/hdf5.hpp>

#include "fuzz.hpp"

using namespace minfold;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const array = fuzz::attempt([&] { return read_hdf5(fuzz::view(data, size), "raw.h5"); });
  if (array) EXPECT(element_count(array->shape) == array->values.size());
  return 0;
}
