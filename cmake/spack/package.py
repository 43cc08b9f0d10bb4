# SPDX-License-Identifier: Apache-2.0
# A recipe for Spack. Copy it to packages/minfold/package.py of a repository of yours. It names no place to fetch
# from, because the sources have no public address yet: use `spack develop --path FOLDER minfold@main` with a
# clone of yours, or add `git = "..."` to the class. Checked for syntax only; it was not run with Spack.
from spack.package import *


class Minfold(CMakePackage, CudaPackage, ROCmPackage):
    """Hypergradients of bilevel problems whose lower level has a manifold of minimizers: batched
    pseudoinverse solves and kernel bases on Kokkos, and methods on top of them."""

    # Spack insists on a homepage. There is none: this is the paper with the method.
    homepage = "https://arxiv.org/abs/2605.09209"

    license("Apache-2.0", checked_by="minfold")

    version("main", branch="main")

    variant("openmp", default=True, description="Threads by OpenMP")
    variant("cli", default=True, description="The executable minfold, and readers of files")
    variant("python", default=False, description="The Python package")
    variant("tests", default=False, description="Build the tests")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("fortran", type="build", when="+tests")
    depends_on("cmake@3.25:", type="build")

    depends_on("kokkos@4.6:5 cxxstd=20")
    depends_on("kokkos+openmp", when="+openmp")
    depends_on("kokkos~openmp", when="~openmp")
    depends_on("blas")
    depends_on("lapack")
    depends_on("netlib-lapack+lapacke", when="^[virtuals=lapack] netlib-lapack")
    depends_on("random123")
    depends_on("fmt")
    depends_on("nlohmann-json")
    depends_on("zlib-api")
    depends_on("hdf5", when="+cli")
    depends_on("cli11", when="+cli")
    depends_on("spdlog", when="+cli")
    depends_on("tomlplusplus", when="+cli")
    depends_on("catch2@3:", type="build", when="+tests")

    with when("+python"):
        extends("python@3.9:")
        depends_on("py-nanobind@2.2:", type="build")
        depends_on("py-numpy@1.23:", type=("build", "run"))

    for value in CudaPackage.cuda_arch_values:
        depends_on(f"kokkos+cuda+wrapper cuda_arch={value}", when=f"+cuda cuda_arch={value}")
    for value in ROCmPackage.amdgpu_targets:
        depends_on(f"kokkos+rocm amdgpu_target={value}", when=f"+rocm amdgpu_target={value}")

    conflicts("+cuda", when="+rocm")
    conflicts("+cuda", when="cuda_arch=none", msg="name cuda_arch: Kokkos is built for one")
    conflicts("+rocm", when="amdgpu_target=none", msg="name amdgpu_target: Kokkos is built for one")

    def cmake_args(self):
        args = [
            self.define("Minfold_FETCH_DEPENDENCIES", False),
            self.define_from_variant("Minfold_ENABLE_CLI", "cli"),
            self.define_from_variant("Minfold_ENABLE_FILES", "cli"),
            self.define_from_variant("Minfold_ENABLE_PYTHON", "python"),
            self.define_from_variant("Minfold_ENABLE_TESTS", "tests"),
            self.define("Minfold_ENABLE_EXAMPLES", False),
        ]
        if self.spec.satisfies("+cuda"):
            args.append(self.define("CMAKE_CXX_COMPILER", self["kokkos"].kokkos_cxx))
        if self.spec.satisfies("+rocm"):
            args.append(self.define("CMAKE_CXX_COMPILER", self.spec["hip"].hipcc))
        return args
