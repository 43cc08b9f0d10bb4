// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/version.hpp>

// The program of the first page solves with what is installed; its exit status says whether it did.
#include "../../drivers/examples/01_one_page.cpp"

static_assert(MINFOLD_VERSION >= 100);
