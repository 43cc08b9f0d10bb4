// SPDX-License-Identifier: Apache-2.0
#include "study/studies.hpp"

namespace minfold::study {

/// PBGD from random starts on the two problems of arXiv 2408.16087, in both cases of each: an optimum of 0
/// that fits training and validation data, and one that cannot. HG-MS beside it.
void run_global(Runner& runner, bool quick) {
  struct Case {
    std::string name, problem;
    std::vector<std::string> sets, pbgd;
    double start_scale;
    int iterations;
  };
  // Where the optimum is 0 every penalty has it. Else g - g* falls like gamma^-2. Where the training data
  // see all inputs the iterations do not grow with gamma; where they leave directions to the validation data
  // iterations grow like gamma, and a gap of 1e-6 is out of reach.
  std::vector<Case> const cases = {{"representation, optimum 0",
                                    "representation",
                                    {"train=5", "hidden=48", "validation=4"},
                                    {"update=jacobi", "gamma=1"},
                                    0.3,
                                    10000},
                                   {"representation, constrained, inputs determined",
                                    "representation",
                                    {"train=48", "hidden=48", "validation=10"},
                                    {"update=jacobi", "gamma=1200"},
                                    0.3,
                                    10000},
                                   {"representation, constrained, inputs free",
                                    "representation",
                                    {"validation=10"},
                                    {"update=jacobi", "gamma=30"},
                                    0.3,
                                    20000},
                                   {"cleaning, all orthogonal",
                                    "diagonal-cleaning",
                                    {"joint=true"},
                                    {"update=gauss-seidel"},
                                    2,
                                    2000},
                                   {"cleaning, training orthogonal, inputs determined",
                                    "diagonal-cleaning",
                                    {"joint=false", "features=20", "zero=0"},
                                    {"update=gauss-seidel", "gamma=400000"},
                                    2,
                                    8000},
                                   {"cleaning, training orthogonal, inputs free",
                                    "diagonal-cleaning",
                                    {"joint=false"},
                                    {"update=gauss-seidel", "gamma=1000"},
                                    2,
                                    5000}};
  int const starts = quick ? 2 : 20;
  for (auto const& what : cases) {
    if (!runner.has_problem(what.problem)) continue;
    for (std::string const method : {"pbgd", "hgms"}) {
      if (!runner.has_method(method)) continue;
      for (int start = 1; start <= starts; ++start) {
        RunSpec spec;
        spec.study = "global";
        spec.problem = what.problem;
        spec.method = method;
        spec.sets = what.sets;
        spec.start = RandomStart{std::uint64_t(start), what.start_scale};
        spec.seed = std::uint64_t(start);
        if (method == "pbgd") {
          spec.sets.insert(spec.sets.end(), what.pbgd.begin(), what.pbgd.end());
          spec.max_iterations = quick ? 500 : what.iterations;
          spec.tolerance = 0;
          spec.record_every = *spec.max_iterations / 100;
          spec.assess = true;
        }
        runner.run(spec, {{"case", what.name}, {"method", method}, {"start", start}});
      }
    }
  }
}

}  // namespace minfold::study
