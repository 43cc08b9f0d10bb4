// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PYTHON_MATRIX_CG_HPP
#define MINFOLD_PYTHON_MATRIX_CG_HPP

#include <minfold/plain.h>

namespace minfold::python {

/// minfold_pinv_operator of explicit matrices, a: (items, n, n), in their precision: it reads one half of
/// each matrix and works several items at once, see pinv_cg.
minfold_status matrix_cg(minfold_context const* context, minfold_array const* a,
                         minfold_array const* b, minfold_array const* z,
                         minfold_array const* kernel, minfold_kernel_record const* kernel_records,
                         minfold_solve_record* solves, minfold_options const& options);

}  // namespace minfold::python

#endif
