// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PYTHON_ROWS_HPP
#define MINFOLD_PYTHON_ROWS_HPP

#include <minfold/drivers/archive_records.hpp>

#include <nanobind/nanobind.h>

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

/// Records of a solve as rows of structured arrays. Their members are those that `visit_members` names;
/// sentences are no part of a row, and of the counters it has the sums over the stages.
namespace minfold::python {

namespace nb = nanobind;

/// A row under construction, and what numpy.dtype takes to know its parts.
class Row {
 public:
  template <class Member>
  void operator()(char const* name, Member const& member) {
    if constexpr (std::is_floating_point_v<Member>)
      put(name, "f8", double(member));
    else if constexpr (std::is_enum_v<Member> || sizeof(Member) < sizeof(std::int64_t))
      put(name, "i4", std::int32_t(member));
    else if constexpr (std::is_integral_v<Member>)
      put(name, "i8", std::int64_t(member));
  }
  /// Rows follow each other, each number at a multiple of its size.
  std::vector<char> const& bytes() {
    pad(alignof(double));
    return bytes_;
  }
  nb::dict layout() {
    nb::list names, formats, offsets;
    for (auto const& part : parts_) {
      names.append(part.name);
      formats.append(part.format);
      offsets.append(part.offset);
    }
    nb::dict d;
    d["names"] = names;
    d["formats"] = formats;
    d["offsets"] = offsets;
    d["itemsize"] = bytes().size();
    return d;
  }

 private:
  struct Part {
    char const *name, *format;
    std::size_t offset;
  };

  void pad(std::size_t size) { bytes_.resize((bytes_.size() + size - 1) / size * size); }
  template <class Number>
  void put(char const* name, char const* format, Number number) {
    pad(sizeof(Number));
    parts_.push_back({name, format, bytes_.size()});
    bytes_.resize(bytes_.size() + sizeof(Number));
    std::memcpy(bytes_.data() + parts_.back().offset, &number, sizeof(Number));
  }

  std::vector<Part> parts_;
  std::vector<char> bytes_;
};

/// In the place of the one that visits every stage.
inline void visit_members(Row& row, StageCounters& stages) {
  auto const sum = total(stages);
  row("values", sum.values);
  row("gradients", sum.gradients);
  row("hessian_products", sum.hessian_products);
  row("mixed_products", sum.mixed_products);
  row("second_products", sum.second_products);
}

template <class Record>
Row row_of(Record record) {
  Row row;
  visit_members(row, record);
  return row;
}

/// Adds the row of a record.
template <class Record>
void append(std::vector<char>& rows, Record const& record) {
  auto row = row_of(record);
  rows.insert(rows.end(), row.bytes().begin(), row.bytes().end());
}

inline nb::bytes as_bytes(std::vector<char> const& rows) {
  return nb::bytes(rows.data(), rows.size());
}

}  // namespace minfold::python

#endif
