// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_HDF5_HANDLE_HPP
#define MINFOLD_FILES_HDF5_HANDLE_HPP

#include "text.hpp"
#include <hdf5.h>

#include <string>
#include <utility>

namespace minfold::impl {

/// An identifier of HDF5, closed by its own function at the end of the scope. Closing may fail for a
/// file, where what is buffered is written then: a writer calls close() and looks at the result.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close how) : id_(id), close_(how) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept
      : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Hdf5Handle() { close(); }

  bool valid() const { return id_ >= 0; }
  hid_t id() const { return id_; }

  /// Whether all was well; so it is for what is closed already.
  bool close() { return id_ < 0 || close_(std::exchange(id_, H5I_INVALID_HID)) >= 0; }

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// While this lives HDF5 prints nothing: what fails becomes an exception with a sentence of ours, for
/// which reason() gives the innermost cause that HDF5 recorded for this thread.
class Hdf5Silence {
 public:
  Hdf5Silence() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Hdf5Silence() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }
  Hdf5Silence(Hdf5Silence const&) = delete;
  Hdf5Silence& operator=(Hdf5Silence const&) = delete;

  static std::string reason() {
    std::string text;
    H5Ewalk2(
        H5E_DEFAULT, H5E_WALK_UPWARD,
        [](unsigned, H5E_error2_t const* error, void* out) -> herr_t {
          if (error->desc) *static_cast<std::string*>(out) = error->desc;
          return 1;  // the innermost is the first
        },
        &text);
    // It may have names of the file in it.
    return text.empty() ? "HDF5 gives no reason" : printable(text);
  }

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

}  // namespace minfold::impl

#endif
