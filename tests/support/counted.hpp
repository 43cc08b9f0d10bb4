// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_COUNTED_HPP
#define MINFOLD_TESTS_COUNTED_HPP

#include <minfold/core/lifted_operator.hpp>

#include <memory>

namespace minfold::test {

/// Any operator, with the vectors that it was multiplied with.
template <class A>
struct Counted {
  using scalar_type = typename A::scalar_type;
  A a;
  std::shared_ptr<long> products = std::make_shared<long>(0);

  int batch_size() const { return a.batch_size(); }
  int dim() const { return a.dim(); }
  template <ExecutionSpace E, class X, class Y>
  void apply(E const& space, X const& x, Y const& y) const {
    *products += long(x.extent(1));
    apply_block(space, a, x, y);
  }
};
template <class A>
Counted<A> counted(A const& a) {
  return {a};
}

}  // namespace minfold::test

#endif
