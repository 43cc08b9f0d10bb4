// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_EVERY_KERNEL_HPP
#define MINFOLD_TESTS_EVERY_KERNEL_HPP

#include <minfold/kernels/kernel_and_pinv.hpp>

#include "support/records.hpp"
#include "support/solve.hpp"

#include <cstdint>
#include <cstring>
#include <map>
#include <string>

/// All public kernels on one instance, and what came out, bit by bit.
namespace minfold::test {

/// FNV-1a over the bits of what each kernel has written.
class Fingerprint {
 public:
  /// no: a run that is watched for what the kernels do has no copies to the host between them.
  enum class Look { no, yes };

  explicit Fingerprint(Look look = Look::yes) : look_(look) {}

  template <class V>
  void add(std::string const& kernel, V const& view) {
    if (look_ == Look::no) return;
    auto const host = on_host(view);
    auto& hash = hashes_.try_emplace(kernel, 14695981039346656037ull).first->second;
    for (std::size_t i = 0; i < host.size(); ++i)
      std::apply([&](auto const&... member) { (add_bits(hash, member), ...); },
                 members(host.data()[i]));
  }
  std::map<std::string, std::uint64_t> const& hashes() const { return hashes_; }

 private:
  template <class M>
  static void add_bits(std::uint64_t& hash, M const& member) {
    unsigned char bytes[sizeof(M)];
    std::memcpy(bytes, &member, sizeof(M));
    for (unsigned char const byte : bytes) hash = (hash ^ byte) * 1099511628211ull;
  }

  Look look_;
  std::map<std::string, std::uint64_t> hashes_;
};

/// `items` matrices of order n with kernels of different dimensions, or of `kernel` each.
template <class T>
struct WorkOf {
  int items, n;
  Blocks<T, Space> matrices, jacobian;  ///< the Jacobian has fewer rows
  Vectors<T, Space> b;

  WorkOf(int count, int order, int kernel = -1) : items(count), n(order) {
    std::vector<Planted> planted_items;
    std::vector<Vec> rhs;
    for (int i = 0; i < items; ++i) {
      int const dimension = kernel < 0 ? (i * n) / (items + 1) : kernel;
      planted_items.push_back(planted(std::uint64_t(500 + i), n, dimension, 100));
      rhs.push_back(planted_items[i].range_part(normals(51, i, n)));
    }
    matrices = to_matrices<T>(matrices_of(planted_items), n);
    jacobian = Blocks<T, Space>("test::jacobian", items, 2 * n / 3, n);
    Kokkos::deep_copy(jacobian,
                      Kokkos::subview(matrices, Kokkos::ALL, std::pair(0, 2 * n / 3), Kokkos::ALL));
    b = to_vectors<T>(rhs);
  }
};
using Work = WorkOf<double>;

/// Every public kernel, each on all of its paths; in double and in float, which are compiled once each.
void run_every_kernel(Space const& space, WorkOf<double> const& work, Fingerprint& print);
void run_every_kernel(Space const& space, WorkOf<float> const& work, Fingerprint& print);
/// Those paths that small orders do not take: for n >= 336, and a kernel that is small.
void run_large_kernels(Space const& space, WorkOf<double> const& work, Fingerprint& print);
void run_large_kernels(Space const& space, WorkOf<float> const& work, Fingerprint& print);

}  // namespace minfold::test

#endif
