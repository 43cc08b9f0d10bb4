// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/impl/usual.hpp>
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/range_finder.hpp>
#include <minfold/kernels/tangent_space.hpp>

namespace minfold {

MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_ORTHONORMALIZE, )
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_SYMMETRIC_EIGEN, )
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_PINV_CG, )
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_PINV_CGLS, )
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_PINV_DIRECT, )
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_KERNEL_AND_PINV, )
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_KERNEL_BASIS, )
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_RANGE_FINDER, )
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_TANGENT_SPACE, )

}  // namespace minfold
