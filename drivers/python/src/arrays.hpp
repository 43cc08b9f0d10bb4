// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PYTHON_ARRAYS_HPP
#define MINFOLD_PYTHON_ARRAYS_HPP

#include <minfold/core/batch.hpp>
#include <minfold/plain.h>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <type_traits>

/// NumPy arrays as plain arrays, and structs as structured arrays. The Python side of the package has
/// checked and reshaped what arrives here.
namespace minfold::python {

namespace nb = nanobind;

using Space = Kokkos::DefaultExecutionSpace;

/// Whether the host reaches the memory that kernels work in.
inline constexpr bool on_host =
    Kokkos::SpaceAccessibility<Kokkos::HostSpace, Space::memory_space>::accessible;

/// That memory as DLPack knows it.
#if defined(KOKKOS_ENABLE_CUDA)
using Device = nb::device::cuda;
#elif defined(KOKKOS_ENABLE_HIP)
using Device = nb::device::rocm;
#else
using Device = nb::device::cpu;
#endif
static_assert(on_host == std::is_same_v<Device, nb::device::cpu>,
              "the Python package does not know the memory of this backend of Kokkos");

/// (items, rows, columns) with any strides.
using Input = nb::ndarray<nb::ro, nb::ndim<3>, Device>;
using Output = nb::ndarray<nb::ndim<3>, Device>;
/// Memory of records, on the host.
using Bytes = nb::ndarray<std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
/// What a callback returns, on the host: contiguous, of any shape.
template <class T>
using Numbers = nb::ndarray<T const, nb::c_contig, nb::device::cpu>;

/// The caller's memory, nothing copied.
template <class A>
minfold_array plain(A const& a) {
  if (a.dtype() != nb::dtype<double>() && a.dtype() != nb::dtype<float>())
    throw std::invalid_argument("minfold: an array is neither float64 nor float32");
  minfold_array p;
  p.data = const_cast<void*>(static_cast<void const*>(a.data()));
  p.precision = a.dtype() == nb::dtype<float>() ? MINFOLD_FLOAT : MINFOLD_DOUBLE;
  for (int d = 0; d < 3; ++d) {
    p.extent[d] = a.shape(d);
    p.stride[d] = a.stride(d);
  }
  return p;
}

template <class Record>
Record* records(Bytes const& bytes, std::size_t count) {
  if (bytes.size() < count * sizeof(Record))
    throw std::length_error("minfold: there is no room for the records");
  return reinterpret_cast<Record*>(bytes.data());
}

/// A NumPy array with a copy of `from`: the callable that gets it may keep it.
template <class T>
nb::object new_array(T const* from, std::initializer_list<std::size_t> shape) {
  std::size_t size = 1;
  for (auto const extent : shape) size *= extent;
  std::unique_ptr<T[]> memory(new T[std::max<std::size_t>(size, 1)]);
  std::copy_n(from, size, memory.get());
  nb::capsule const owner(memory.get(), [](void* p) noexcept { delete[] static_cast<T*>(p); });
  T* const data = memory.release();
  return nb::cast(nb::ndarray<nb::numpy, T>(data, shape.size(), shape.begin(), owner));
}

/// The members of a struct as numpy.dtype takes them.
template <class Struct>
class LayoutOf {
 public:
  /// A member of its own or of a base.
  template <class Member, class Owner>
  LayoutOf& add(char const* name, Member Owner::* member) {
    static_assert(std::is_floating_point_v<Member> || std::is_integral_v<Member>);
    static Struct const probe{};
    names_.append(name);
    formats_.append((std::is_floating_point_v<Member> ? "f"
                     : std::is_signed_v<Member>       ? "i"
                                                      : "u") +
                    std::to_string(sizeof(Member)));
    offsets_.append(reinterpret_cast<char const*>(&(probe.*member)) -
                    reinterpret_cast<char const*>(&probe));
    return *this;
  }
  nb::dict description() const {
    nb::dict d;
    d["names"] = names_;
    d["formats"] = formats_;
    d["offsets"] = offsets_;
    d["itemsize"] = sizeof(Struct);
    return d;
  }

 private:
  nb::list names_, formats_, offsets_;
};

}  // namespace minfold::python

#endif
