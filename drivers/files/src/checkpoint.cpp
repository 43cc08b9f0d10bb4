// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/files/atomic_file.hpp>
#include <minfold/files/checkpoint.hpp>

#include "checkpoint_image.hpp"
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

namespace minfold {
namespace {

constexpr std::size_t header_bytes = 512;
constexpr std::string_view first_words = "minfold checkpoint ";

std::uint32_t checksum(std::string_view bytes) {
  uLong sum = crc32(0, nullptr, 0);
  // zlib counts in 32 bits.
  while (!bytes.empty()) {
    auto const part = bytes.substr(0, std::size_t(1) << 30);
    sum = crc32(sum, reinterpret_cast<Bytef const*>(part.data()), uInt(part.size()));
    bytes.remove_prefix(part.size());
  }
  return std::uint32_t(sum);
}

/// Takes "WORDS VALUE\n" from the front of `text`.
template <class N>
std::optional<N> take(std::string_view& text, std::string_view words, int base) {
  if (text.substr(0, words.size()) != words) return std::nullopt;
  text.remove_prefix(words.size());
  auto const end = std::min(text.find('\n'), text.size());
  N value{};
  auto const [stop, error] = std::from_chars(text.data(), text.data() + end, value, base);
  if (error != std::errc() || stop != text.data() + end || end == text.size()) return std::nullopt;
  text.remove_prefix(end + 1);
  return value;
}

std::string hexadecimal(std::uint32_t value) {
  char text[9];
  std::snprintf(text, sizeof(text), "%08x", unsigned(value));
  return text;
}

std::string header_of(std::uint32_t sum, std::uint64_t size) {
  std::string header = std::string(first_words) + std::to_string(checkpoint_schema) + "\ncrc32 " +
                       hexadecimal(sum) + "\nbytes " + std::to_string(size) + "\n";
  header.resize(header_bytes, '\0');
  return header;
}

/// So that a file that was renamed into a folder is there after a loss of power.
void sync_folder(std::string const& path) {
  auto const folder = std::filesystem::path(path).parent_path().string();
  int const descriptor = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;  // a folder that may be written to but not read
  int const result = fsync(descriptor);
  int const reason = errno;
  close(descriptor);
  // EINVAL: a file system without it.
  MINFOLD_REQUIRE(result == 0 || reason == EINVAL, "cannot write ", path, ": ",
                  std::strerror(reason));
}

}  // namespace

std::string impl::checkpoint_header(std::string_view image) {
  return header_of(checksum(image), image.size());
}

std::string checkpoint_bytes(Snapshot const& snapshot) {
  auto bytes = impl::write_checkpoint_image(snapshot, header_bytes);
  auto const header = impl::checkpoint_header(std::string_view(bytes).substr(header_bytes));
  std::copy(header.begin(), header.end(), bytes.begin());
  return bytes;
}

Snapshot read_checkpoint(std::string_view bytes, std::string const& name) {
  auto const beginning = bytes.substr(0, first_words.size());
  MINFOLD_REQUIRE(!bytes.empty(), name, ": it is empty, expected a checkpoint");
  MINFOLD_REQUIRE(beginning == first_words.substr(0, beginning.size()), name,
                  ": it is no checkpoint of minfold");
  MINFOLD_REQUIRE(bytes.size() >= header_bytes, name, ": it ends after ", bytes.size(),
                  " bytes, before the data of a checkpoint begins");
  auto header = bytes.substr(0, header_bytes);
  auto const schema = take<int>(header, first_words, 10);
  MINFOLD_REQUIRE(schema, name, ": it is no checkpoint of minfold");
  MINFOLD_REQUIRE(*schema == checkpoint_schema, name, ": it has schema ", *schema,
                  " of checkpoints, this version of minfold reads schema ", checkpoint_schema);
  auto const sum = take<std::uint32_t>(header, "crc32 ", 16);
  auto const size = take<std::uint64_t>(header, "bytes ", 10);
  // As it was written: a digit in the other case would be the same number.
  MINFOLD_REQUIRE(sum && size && bytes.substr(0, header_bytes) == header_of(*sum, *size), name,
                  ": its first lines are damaged");
  auto const image = bytes.substr(header_bytes);
  MINFOLD_REQUIRE(image.size() >= *size, name, ": it is cut off, it has ", image.size(),
                  " bytes of data and should have ", *size);
  MINFOLD_REQUIRE(image.size() == *size, name, ": it goes on after its end, for ",
                  image.size() - *size, " bytes");
  auto const found = checksum(image);
  MINFOLD_REQUIRE(found == *sum, name, ": it is damaged, its checksum is ", hexadecimal(found),
                  " and should be ", hexadecimal(*sum));
  return impl::read_checkpoint_image(image, name);
}

void write_checkpoint_file(std::string const& path, Snapshot const& snapshot) {
  write_whole_file(path, checkpoint_bytes(snapshot));
  sync_folder(path);
}

Snapshot read_checkpoint_file(std::string const& path) {
  std::error_code error;
  auto const status = std::filesystem::status(path, error);
  MINFOLD_REQUIRE(std::filesystem::is_regular_file(status), path, ": expected a checkpoint, found ",
                  std::filesystem::exists(status) ? "something else" : "nothing there");
  auto const size = std::filesystem::file_size(path, error);
  MINFOLD_REQUIRE(!error, path, ": ", error.message());
  std::ifstream file(path, std::ios::binary);
  MINFOLD_REQUIRE(file, path, ": ", std::strerror(errno));
  std::string bytes(size, '\0');
  MINFOLD_REQUIRE(file.read(bytes.data(), std::streamsize(size)), path, ": it cannot be read");
  return read_checkpoint(bytes, path);
}

}  // namespace minfold
