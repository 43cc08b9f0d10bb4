// SPDX-License-Identifier: Apache-2.0
#include "report_figures.hpp"

#include "gnuplot.hpp"
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace minfold::cli {
namespace {

using Runs = std::vector<RunRecord>;

char const* const line = "lines lw 1.6";

std::string number(double v) {
  return std::isfinite(v) ? fmt::format("{:.9g}", v) : "NaN";
}

/// The iterations that are drawn: more points than pixels are of no use; the last one is always there.
std::vector<RecordedIteration const*> drawn(RunRecord const& run) {
  std::vector<RecordedIteration const*> points;
  std::size_t const every = run.iterations.size() / 1500 + 1;
  for (std::size_t i = 0; i < run.iterations.size(); ++i)
    if (i % every == 0 || i + 1 == run.iterations.size()) points.push_back(&run.iterations[i]);
  return points;
}

bool positive(double v) {
  return std::isfinite(v) && v > 0;
}

/// Whether there is a point to draw. Of a figure without one gnuplot makes an error, and no others.
bool any(Runs const& runs,
         std::function<bool(RunRecord const&, RecordedIteration const&)> const& has) {
  return std::any_of(runs.begin(), runs.end(), [&](RunRecord const& run) {
    auto const points = drawn(run);
    return std::any_of(points.begin(), points.end(), [&](auto const* it) { return has(run, *it); });
  });
}

/// The same of bars.
bool any_bar(Runs const& runs, std::function<double(RecordedStage const&)> const& height) {
  return std::any_of(runs.begin(), runs.end(), [&](RunRecord const& run) {
    return std::any_of(run.stages.begin(), run.stages.end(),
                       [&](auto const& stage) { return positive(height(stage)); });
  });
}

/// A curve a run: `y` is an expression of the columns, see figure_data(). Points only where they can be
/// told apart.
std::string curves(Runs const& runs, int x, std::string const& y, std::string const& style) {
  std::string list;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    bool const points = style == line && runs[r].iterations.size() <= 60;
    // Where colours come again, dots and dashes that are not those of targets.
    static char const* const dashes[] = {"", " dt 3", " dt 4", " dt 5"};
    bool const dashed = style.find(" dt ") != std::string::npos;
    list +=
        fmt::format("{}$r{} using {}:{} with {}{} lc rgb '{}' notitle", list.empty() ? "" : ", ",
                    r + 1, x, y, points ? "linespoints pt 7 ps 0.35 lw 1.6" : style,
                    dashed ? "" : dashes[run_round(r)], run_color(r));
  }
  return list;
}

/// An axis from 0 for dimensions, with whole numbers where they are few.
std::string whole_numbers(Runs const& runs) {
  double most = 0;
  for (auto const& run : runs)
    for (auto const& it : run.iterations)
      if (std::isfinite(it.dimension)) most = std::max(most, it.dimension);
  return fmt::format("set yrange [0:{}]\n{}", number(1.1 * most + 1),
                     most <= 10 ? "set ytics 1\n" : "");
}

/// 1500000 as 1.5M.
std::string short_number(double v) {
  for (auto const& [unit, letter] : {std::pair{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}})
    if (v >= unit) return fmt::format("{:g}{}", v / unit, letter);
  return fmt::format("{:g}", v);
}

/// At most six on the axis of gradient equivalents, whose numbers are long.
std::string short_ticks(Runs const& runs) {
  double most = 1;
  for (auto const& run : runs)
    for (auto const& it : run.iterations)
      if (std::isfinite(it.equivalents)) most = std::max(most, it.equivalents);
  double step = std::pow(10.0, std::floor(std::log10(most)));
  for (double const share : {0.2, 0.5, 1.0})
    if (most / (step * share) <= 6) {
      step *= share;
      break;
    }
  std::string ticks;
  for (int i = 0; i * step <= most; ++i)
    ticks += fmt::format("{}'{}' {}", i ? ", " : "", short_number(i * step), number(i * step));
  return "set xtics (" + ticks + ")\n";
}

struct Abscissa {
  int column;
  char const* name;
  double RecordedIteration::* value;
};
constexpr Abscissa abscissas[] = {{1, "outer iteration", &RecordedIteration::iteration},
                                  {2, "seconds", &RecordedIteration::seconds},
                                  {3, "gradient equivalents", &RecordedIteration::equivalents}};

/// Clustered bars: a group an entry of `names`, in it a bar a run.
std::string bars(Runs const& runs, char const* title, char const* unit,
                 std::vector<std::string> const& names, char const* block, bool logarithmic) {
  // Seconds as they are; large counts in thousands.
  bool const seconds = std::string_view(unit) == "seconds";
  std::string plot = fmt::format(
      "set title '{}'\nset ylabel '{}'\nset style data histogram\n"
      "set style histogram clustered gap 1\nset style fill solid 0.85 border\n"
      "set boxwidth 0.9\nset grid noxtics\nset format y '{}'\n{}",
      title, unit,
      logarithmic ? "10^{%T}"
      : seconds   ? "%g"
                  : "%.1s%c",
      logarithmic ? "set logscale y\nset yrange [0.8:*]\n" : "set yrange [0:*]\n");
  plot += "set xtics nomirror scale 0 rotate by -25 left (";
  for (std::size_t i = 0; i < names.size(); ++i)
    plot += fmt::format("{}'{}' {}", i ? ", " : "", names[i], i);
  plot += ")\nplot ";
  for (std::size_t r = 0; r < runs.size(); ++r)
    plot += fmt::format("{}${}{} using 1{} lc rgb '{}' notitle", r ? ", " : "", block, r + 1,
                        run_round(r) == 0 ? "" : fmt::format(" fs pattern {}", 3 + run_round(r)),
                        run_color(r));
  return plot + "\n";
}

/// A row a run; a colour a verdict.
std::string timeline(Runs const& runs) {
  std::string plot = fmt::format(
      "set title 'Verdict of every iteration'\nset xlabel 'outer iteration'\nset ylabel 'run'\n"
      "set yrange [{}:0.3]\nset ytics 1 scale 0\nset xrange [-0.7:*]\n"
      "set key outside right center vertical\nplot ",
      double(runs.size()) + 0.7);
  struct Kind {
    int code;
    char const *name, *color;
  };
  Kind const kinds[] = {{3, "certified", "#2a9d4a"},
                        {2, "uncertain", "#e8a317"},
                        {1, "refused", "#d1333b"},
                        {0, "not assessed", "#b8b8b8"}};
  for (auto const& kind : kinds) {
    plot += fmt::format("keyentry with points pt 5 ps 0.9 lc rgb '{}' title '{}', ", kind.color,
                        kind.name);
    for (std::size_t r = 0; r < runs.size(); ++r)
      plot += fmt::format(
          "$r{} using 1:($10=={}?{}:NaN) with points pt 5 ps 0.9 lc rgb '{}' notitle{}", r + 1,
          kind.code, r + 1, kind.color, kind.code == 0 && r + 1 == runs.size() ? "" : ", ");
  }
  return plot + "\n";
}

int verdict_code(std::string const& verdict) {
  return verdict == "certified" ? 3 : verdict == "uncertain" ? 2 : verdict == "refused" ? 1 : 0;
}

void replace_all(std::string& text, std::string const& from, std::string const& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

}  // namespace

// Of Okabe and Ito, told apart by most eyes.
static char const* const colors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                     "#56b4e9", "#e69f00", "#000000", "#8c6d31"};

std::string run_color(std::size_t run) {
  return colors[run % std::size(colors)];
}

int run_round(std::size_t run) {
  return int(run / std::size(colors) % 4);
}

std::string figure_data(std::vector<RunRecord> const& runs) {
  std::string data;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    auto const& run = runs[r];
    // Columns: 1 iteration, 2 seconds, 3 equivalents, 4 F, 5 |h|, 6 target, 7 lower residual,
    // 8 dimension, 9 gap, 10 verdict, 11 smallest dimension of a target, 12 F - optimum.
    data += fmt::format("$r{} << END\n", r + 1);
    for (auto const* const point : drawn(run)) {
      auto const& it = *point;
      for (double const v : {it.iteration, it.seconds, it.equivalents, it.upper, it.hypergradient,
                             it.target, it.lower_residual, it.dimension, it.gap})
        data += number(v) + " ";
      data += fmt::format("{} {} {}\n", verdict_code(it.verdict), number(it.dimension_min),
                          number(it.upper - run.optimum));
    }
    data += fmt::format("END\n$k{} << END\n", r + 1);
    std::array<double, 5> sum{};
    for (auto const& stage : run.stages)
      for (int i = 0; i < 5; ++i) sum[i] += stage.counts[i];
    for (double const count : sum) data += number(count) + "\n";
    data += fmt::format("END\n$e{} << END\n", r + 1);
    for (auto const& stage : run.stages) data += number(equivalents(stage.counts)) + "\n";
    data += fmt::format("END\n$s{} << END\n", r + 1);
    for (auto const& stage : run.stages) data += number(stage.seconds) + "\n";
    data += "END\n";
  }
  return data;
}

std::vector<Figure> report_figures(std::vector<RunRecord> const& runs) {
  std::vector<Figure> figures;
  bool const optimum = std::all_of(runs.begin(), runs.end(),
                                   [](RunRecord const& r) { return std::isfinite(r.optimum); });
  bool const above = optimum && std::all_of(runs.begin(), runs.end(), [](RunRecord const& r) {
                       return std::all_of(r.iterations.begin(), r.iterations.end(),
                                          [&](auto const& it) { return it.upper >= r.optimum; });
                     });
  using Has = std::function<bool(RunRecord const&, RecordedIteration const&)>;
  auto const add = [&](char const* title, char const* unit, bool logarithmic, Has const& has,
                       std::function<std::string(int)> const& plot) {
    for (auto const& x : abscissas)
      if (any(runs, [&](auto const& run, auto const& it) {
            return std::isfinite(it.*x.value) && has(run, it);
          }))
        figures.push_back(
            {"Convergence", fmt::format("set title '{}'\nset xlabel '{}'\nset ylabel '{}'\n{}{}"
                                        "plot {}\n",
                                        title, x.name, unit, x.column == 3 ? short_ticks(runs) : "",
                                        logarithmic ? "set logscale y\nset format y "
                                                      "'10^{%T}'\n"
                                                    : "",
                                        plot(x.column))});
  };
  Has const excess = [](auto const& run, auto const& it) {
    return positive(it.upper - run.optimum);
  };
  if (above && any(runs, excess))
    add("F above its smallest value", "F - min F", true, excess,
        [&](int x) { return curves(runs, x, "($12>0?$12:NaN)", line); });
  else
    add(
        "Upper objective", "F", false,
        [](auto const&, auto const& it) { return std::isfinite(it.upper); },
        [&](int x) { return curves(runs, x, "4", line); });
  add(
      "Hypergradient, and its target (dashed)", "|hypergradient|", true,
      [](auto const&, auto const& it) { return positive(it.hypergradient); },
      [&](int x) {
        return curves(runs, x, "($5>0?$5:NaN)", line) + ", " +
               curves(runs, x, "($6>0?$6:NaN)", "lines dt 2 lw 1.2");
      });
  add(
      "Lower gradient", "|grad g|", true,
      [](auto const&, auto const& it) { return positive(it.lower_residual); },
      [&](int x) { return curves(runs, x, "($7>0?$7:NaN)", line); });

  auto const at_iteration = [](RecordedIteration const& it) { return std::isfinite(it.iteration); };
  if (any(runs, [&](auto const&, auto const& it) {
        return at_iteration(it) && std::isfinite(it.dimension);
      }))
    figures.push_back(
        {"Manifold of minimizers",
         "set title 'Kernel dimension of H'\nset xlabel 'outer iteration'\nset ylabel "
         "'dimension'\n" +
             whole_numbers(runs) + "plot " + curves(runs, 1, "8", "steps lw 2") + ", " +
             curves(runs, 1, "11", "steps dt 2 lw 1.2") + "\n"});
  if (any(runs, [&](auto const&, auto const& it) { return at_iteration(it) && positive(it.gap); }))
    figures.push_back({"Manifold of minimizers",
                       "set title 'Spectral gap above the kernel'\nset xlabel 'outer "
                       "iteration'\nset ylabel 'gap'\nset logscale y\nset format y "
                       "'10^{%T}'\nplot " +
                           curves(runs, 1, "($9>0?$9:NaN)", line) + "\n"});

  // NaN, of one stage, is NaN in the sum.
  bool counted = false;
  for (int kind = 0; kind < 5; ++kind)
    for (auto const& run : runs) {
      double sum = 0;
      for (auto const& stage : run.stages) sum += stage.counts[kind];
      counted = counted || positive(sum);
    }
  if (counted)
    figures.push_back(
        {"Work", bars(runs, "Evaluations by kind", "number of vectors",
                      {"values", "gradients", "Hessian", "mixed", "second order"}, "k", true)});
  std::vector<std::string> const stages = {"lower solve", "candidates",    "refine",
                                           "select",      "differentiate", "certify"};
  bool const usual = std::all_of(runs.begin(), runs.end(), [&](RunRecord const& r) {
    return r.stages.size() == stages.size();
  });
  if (usual && any_bar(runs, [](auto const& stage) { return equivalents(stage.counts); }))
    figures.push_back(
        {"Work", bars(runs, "Work by stage", "gradient equivalents", stages, "e", false)});
  if (usual && any_bar(runs, [](auto const& stage) { return stage.seconds; }))
    figures.push_back({"Work", bars(runs, "Time by stage", "seconds", stages, "s", false)});
  if (any(runs, [&](auto const&, auto const& it) { return at_iteration(it); }))
    figures.push_back({"Verdicts", timeline(runs)});
  return figures;
}

std::vector<std::string> draw(std::string const& gnuplot, std::vector<RunRecord> const& runs,
                              std::vector<Figure> const& figures) {
  std::string script = figure_data(runs);
  for (auto const& figure : figures) {
    bool const wide = figure.section == "Verdicts";
    script += fmt::format(
        "reset\nset terminal svg size {},{} font 'sans,12' linewidth 1 background 'white'\n"
        "set encoding utf8\nset datafile missing 'NaN'\nset grid lc rgb '#dddddd'\n"
        "set border 3\nset tics nomirror out\nset key off\n"
        "{}",
        wide ? 1260 : 420, wide ? 150 + 22 * int(runs.size()) : 290, figure.plot);
  }
  auto const drawn = run_gnuplot(gnuplot, script);
  std::vector<std::string> pictures;
  for (std::size_t at = 0; (at = drawn.find("<svg", at)) != std::string::npos;) {
    auto const end = drawn.find("</svg>", at);
    if (end == std::string::npos) break;
    auto picture = drawn.substr(at, end + 6 - at);
    replace_all(picture, "<title>Gnuplot</title>", "");  // a browser would show it
    // Every picture of gnuplot has the same names.
    auto const mine = fmt::format("f{}_", pictures.size());
    replace_all(picture, "id='", "id='" + mine);
    replace_all(picture, "id=\"", "id=\"" + mine);
    replace_all(picture, "href='#", "href='#" + mine);
    replace_all(picture, "url(#", "url(#" + mine);
    pictures.push_back(std::move(picture));
    at = end;
  }
  if (pictures.size() != figures.size())
    throw std::runtime_error(
        fmt::format("gnuplot drew {} of {} figures", pictures.size(), figures.size()));
  return pictures;
}

}  // namespace minfold::cli
