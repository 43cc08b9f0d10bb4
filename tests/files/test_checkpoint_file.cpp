// SPDX-License-Identifier: Apache-2.0
// Snapshots in files: what is written is read, and nothing else is.
#include <minfold/core/require.hpp>
#include <minfold/files/checkpoint.hpp>

#include "../../drivers/files/src/checkpoint_image.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <hdf5.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace {

using namespace minfold;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

SnapshotEntry entry(SnapshotType type, std::size_t size, std::vector<std::int64_t> shape) {
  SnapshotEntry e{type, size, std::move(shape), {}};
  e.data.resize(std::size_t(e.elements()) * size);
  for (std::size_t i = 0; i < e.data.size(); ++i) e.data[i] = std::byte(i * 37 + 11);
  return e;
}
SnapshotEntry texts(std::string const& joined, int count) {
  SnapshotEntry e{SnapshotType::text, 1, {count}, {}};
  for (char const letter : joined) e.data.push_back(std::byte(letter));
  return e;
}

/// Every type, with no, one and several extents, and extents of 0.
Snapshot sample() {
  Snapshot s;
  s.entries["run/iteration"] = entry(SnapshotType::int32, 4, {});
  s.entries["a/int32"] = entry(SnapshotType::int32, 4, {3});
  s.entries["a/int64"] = entry(SnapshotType::int64, 8, {2, 1});
  s.entries["a/uint64"] = entry(SnapshotType::uint64, 8, {});
  s.entries["a/float32"] = entry(SnapshotType::float32, 4, {2, 3, 2});
  s.entries["a/float64"] = entry(SnapshotType::float64, 8, {40});
  s.entries["deep/er/record"] = entry(SnapshotType::record, 24, {5});
  s.entries["none"] = entry(SnapshotType::float64, 8, {0});
  s.entries["none either"] = entry(SnapshotType::record, 16, {3, 0});
  s.entries["text/one"] = texts(std::string("h\xc3\xb6lder\0", 8), 1);
  s.entries["text/three"] = texts(std::string("a\0\0last\0", 8), 3);
  s.entries["text/empty"] = texts(std::string("\0", 1), 1);
  s.entries["text/none"] = texts("", 0);
  return s;
}

bool same(Snapshot const& a, Snapshot const& b) {
  if (a.entries.size() != b.entries.size()) return false;
  for (auto const& [name, e] : a.entries) {
    auto const found = b.entries.find(name);
    if (found == b.entries.end()) return false;
    auto const& f = found->second;
    if (e.type != f.type || e.element_size != f.element_size || e.shape != f.shape ||
        e.data != f.data)
      return false;
  }
  return true;
}

std::string content(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A folder of its own, gone at the end.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "minfold-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(std::string const& name) const { return (path / name).string(); }
  std::size_t files() const {
    return std::size_t(std::distance(std::filesystem::directory_iterator(path), {}));
  }
};

void refused(std::string const& bytes, std::string const& sentence) {
  CAPTURE(sentence);
  CHECK_THROWS_MATCHES(
      read_checkpoint(bytes, "run.ckpt"), std::invalid_argument,
      MessageMatches(ContainsSubstring("run.ckpt: ") && ContainsSubstring(sentence)));
}
/// With a header that fits: what HDF5 and what comes after it say.
void image_refused(std::string const& image, std::string const& sentence) {
  refused(impl::checkpoint_header(image) + image, sentence);
}

}  // namespace

TEST_CASE("a checkpoint holds all of a snapshot") {
  auto const s = sample();
  auto const bytes = checkpoint_bytes(s);
  CHECK(same(s, read_checkpoint(bytes, "run.ckpt")));
  CHECK(bytes == checkpoint_bytes(s));
  CHECK(same(Snapshot{}, read_checkpoint(checkpoint_bytes(Snapshot{}), "run.ckpt")));
  Folder const folder;
  write_checkpoint_file(folder.file("run.ckpt"), s);
  CHECK(content(folder.file("run.ckpt")) == bytes);
  CHECK(same(s, read_checkpoint_file(folder.file("run.ckpt"))));
  CHECK(folder.files() == 1);
  // Other readers of HDF5 skip the block in front.
  hid_t const file = H5Fopen(folder.file("run.ckpt").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  REQUIRE(file >= 0);
  hid_t const dataset = H5Dopen2(file, "a/float64", H5P_DEFAULT);
  std::vector<double> values(40);
  CHECK(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
  CHECK(std::memcmp(values.data(), s.entries.at("a/float64").data.data(), 320) == 0);
  H5Dclose(dataset);
  H5Fclose(file);
}

TEST_CASE("a checkpoint that was damaged anywhere is refused by a sentence") {
  auto const good = checkpoint_bytes(sample());
  refused("", "it is empty");
  refused("\x89HDF\r\n\x1a\n", "it is no checkpoint of minfold");
  refused(good.substr(512), "it is no checkpoint of minfold");
  refused("minfold checkpoint x\n" + std::string(600, ' '), "it is no checkpoint of minfold");
  auto other = good;
  other[19] = '2';
  refused(other, "it has schema 2 of checkpoints, this version of minfold reads schema 1");
  refused(good + "x", "it goes on after its end");
  for (std::size_t length = 1; length < good.size(); length += 1 + length / 7) {
    CAPTURE(length);
    CHECK_THROWS_AS(read_checkpoint(good.substr(0, length), "run.ckpt"), std::invalid_argument);
  }
  refused(good.substr(0, good.size() - 1), "it is cut off");
  // One bit, anywhere.
  for (std::size_t at = 0; at < good.size(); at += at < 520 ? 1 : 97)
    for (int bit : {0, 5}) {
      auto bad = good;
      bad[at] = char(bad[at] ^ (1 << bit));
      CAPTURE(at, bit);
      CHECK_THROWS_AS(read_checkpoint(bad, "run.ckpt"), std::invalid_argument);
    }
  auto bad = good;
  bad[good.size() / 2] ^= 1;
  refused(bad, "it is damaged, its checksum is ");
}

TEST_CASE("an HDF5 file that is no checkpoint inside is refused by a sentence") {
  image_refused("not HDF5", "cannot be opened as an HDF5 file");
  image_refused("", "cannot be opened as an HDF5 file");

  Folder const folder;
  auto const made = [&](auto const& fill) {
    auto const path = folder.file("x.h5");
    hid_t const file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    fill(file);
    H5Fclose(file);
    return content(path);
  };
  auto const schema = [](hid_t file, int value) {
    hid_t const space = H5Screate(H5S_SCALAR);
    hid_t const a = H5Acreate2(file, "schema", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, H5T_NATIVE_INT, &value);
    H5Aclose(a);
    H5Sclose(space);
  };
  auto const dataset = [](hid_t file, hid_t type, std::vector<hsize_t> extents, hid_t properties) {
    hid_t const space = H5Screate_simple(int(extents.size()), extents.data(), nullptr);
    hid_t const d = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    H5Dclose(d);
    H5Sclose(space);
  };
  image_refused(made([](hid_t) {}), "its attribute schema is not 1");
  image_refused(made([&](hid_t f) { schema(f, 3); }), "its attribute schema is not 1");
  CHECK_NOTHROW([&] {
    auto const image = made([&](hid_t f) { schema(f, 1); });
    read_checkpoint(impl::checkpoint_header(image) + image, "run.ckpt");
  }());
  // A shape without the bytes for it.
  image_refused(made([&](hid_t f) {
                  schema(f, 1);
                  dataset(f, H5T_IEEE_F64LE, {1000}, H5P_DEFAULT);
                }),
                "x claims ");
  image_refused(made([&](hid_t f) {
                  schema(f, 1);
                  dataset(f, H5T_IEEE_F64LE, {hsize_t(1) << 60, 16}, H5P_DEFAULT);
                }),
                "x claims more than the file has");
  image_refused(made([&](hid_t f) {
                  schema(f, 1);
                  dataset(f, H5T_IEEE_F64BE, {1}, H5P_DEFAULT);
                }),
                "x is of a type that no checkpoint has");
  image_refused(made([&](hid_t f) {
                  schema(f, 1);
                  hid_t const chunked = H5Pcreate(H5P_DATASET_CREATE);
                  hsize_t const chunk = 4;
                  H5Pset_chunk(chunked, 1, &chunk);
                  H5Pset_deflate(chunked, 9);
                  dataset(f, H5T_IEEE_F64LE, {8}, chunked);
                  H5Pclose(chunked);
                }),
                "x is not stored as a checkpoint stores it");
  image_refused(made([&](hid_t f) {
                  schema(f, 1);
                  H5Lcreate_external("/etc/passwd", "/x", f, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
                }),
                "it has something else than datasets and groups");
  image_refused(made([&](hid_t f) {
                  schema(f, 1);
                  hid_t const type = H5Tcopy(H5T_C_S1);
                  H5Tset_size(type, H5T_VARIABLE);
                  dataset(f, type, {2}, H5P_DEFAULT);
                  H5Tclose(type);
                }),
                "x is of a type that no checkpoint has");
}

TEST_CASE("the last good checkpoint survives what goes wrong with the next one") {
  Folder const folder;
  auto const path = folder.file("run.ckpt");
  auto const first = sample();
  auto second = first;
  second.entries["more"] = entry(SnapshotType::float64, 8, {5000});
  write_checkpoint_file(path, first);
  auto const good = content(path);

  // A disk that is full after 8 KiB, in a process of its own: the limit is one of the process.
  auto const in_a_process = [](auto const& body) {
    pid_t const child = fork();
    if (child == 0) {
      body();
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
  };
  auto const limited = in_a_process([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{8192, 8192};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_checkpoint_file(path, second);
    } catch (std::invalid_argument const& error) {
      bool const said = std::string(error.what()).find("cannot write " + path) != std::string::npos;
      _exit(said ? 7 : 8);
    }
  });
  CHECK(WEXITSTATUS(limited) == 7);
  CHECK(content(path) == good);
  CHECK(folder.files() == 1);

  // Killed in the middle of writing.
  auto const killed = in_a_process([&] {
    rlimit const limit{8192, 8192};
    setrlimit(RLIMIT_FSIZE, &limit);  // SIGXFSZ ends the process within write()
    std::signal(SIGXFSZ, SIG_DFL);
    write_checkpoint_file(path, second);
  });
  CHECK(WIFSIGNALED(killed));
  CHECK(same(first, read_checkpoint_file(path)));

  if (geteuid() != 0) {
    chmod(folder.path.c_str(), 0500);
    CHECK_THROWS_MATCHES(write_checkpoint_file(path, second), std::invalid_argument,
                         MessageMatches(ContainsSubstring("cannot write " + path)));
    chmod(folder.path.c_str(), 0700);
  }
  CHECK(same(first, read_checkpoint_file(path)));
  write_checkpoint_file(path, second);
  CHECK(same(second, read_checkpoint_file(path)));

  CHECK_THROWS_MATCHES(write_checkpoint_file(folder.file("no/such/run.ckpt"), first),
                       std::invalid_argument,
                       MessageMatches(ContainsSubstring("no/such/run.ckpt")));
  CHECK_THROWS_MATCHES(read_checkpoint_file(folder.file("nothing.ckpt")), std::invalid_argument,
                       MessageMatches(ContainsSubstring("nothing there")));
  CHECK_THROWS_MATCHES(read_checkpoint_file(folder.path.string()), std::invalid_argument,
                       MessageMatches(ContainsSubstring("expected a checkpoint")));
}
