// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_JOINT_HPP
#define MINFOLD_PROBLEMS_JOINT_HPP

#include <minfold/core/seeded.hpp>

#include <utility>

namespace minfold {

/// The scalar of an expression in x and y: whichever of the two carries more derivatives.
template <class X, class Y>
using joint_t =
    std::remove_cvref_t<decltype(std::declval<X const&>()(0) * std::declval<Y const&>()(0))>;

}  // namespace minfold

#endif
