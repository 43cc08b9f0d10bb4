// SPDX-License-Identifier: Apache-2.0
#include "report_page.hpp"

#include <minfold/core/version.hpp>

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace minfold::cli {
namespace {

/// No scripts, and nothing is loaded from anywhere; the policy makes the browser see to it.
char const* const head = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>minfold report</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem auto; max-width: 1320px; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #e3e3e3; vertical-align: top; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.figures { display: flex; flex-wrap: wrap; gap: .5rem; }
.figures svg { max-width: 100%; height: auto; }
.certified { color: #1d7a37; } .uncertain { color: #9a6a00; } .refused { color: #b3202a; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .4em; }
ul { margin: .2rem 0; padding-left: 1.2rem; } summary { cursor: pointer; }
.legend span { margin-right: 1.2rem; white-space: nowrap; } .legend .swatch { margin-right: .4em; }
.missing { background: #fff6dd; padding: .6rem .8rem; }
</style>
</head>
<body>
)html";

std::string number(double v, int digits) {
  return std::isfinite(v) ? fmt::format("{:.{}g}", v, digits) : "-";
}

std::string verdict_html(std::string const& verdict) {
  if (verdict.empty()) return "not assessed";
  bool const known = verdict == "certified" || verdict == "uncertain" || verdict == "refused";
  return fmt::format("<span class=\"{}\">{}</span>", known ? verdict : "", html_text(verdict));
}

/// Where colours come again it is hatched, as lines are dashed then.
std::string swatch(std::size_t run) {
  int const round = run_round(run);
  auto const paint = round == 0
                         ? run_color(run)
                         : fmt::format("repeating-linear-gradient({}deg,{} 0 2px,#fff 2px 4px)",
                                       round == 1   ? 90
                                       : round == 2 ? 0
                                                    : 45,
                                       run_color(run));
  return fmt::format("<span class=\"swatch\" style=\"background:{}\"></span>", paint);
}

std::string name(RunRecord const& run, std::size_t r) {
  return fmt::format("{}{}: {}, {}", swatch(r), r + 1, html_text(run.problem),
                     html_text(run.method));
}

std::string legend(std::vector<RunRecord> const& runs) {
  std::string html = "<p class=\"legend\">";
  for (std::size_t r = 0; r < runs.size(); ++r)
    html += fmt::format("<span>{}</span> ", name(runs[r], r));
  return html + "</p>\n";
}

std::string runs_table(std::vector<RunRecord> const& runs) {
  std::string html =
      "<table>\n<tr><th>run</th><th>outcome</th><th>verdict</th><th "
      "class=\"number\">iterations</th>"
      "<th class=\"number\">F</th><th class=\"number\">|hypergradient|</th><th "
      "class=\"number\">target</th><th class=\"number\">seconds</th><th class=\"number\">gradient "
      "equivalents</th><th>run with</th><th>file</th></tr>\n";
  for (std::size_t r = 0; r < runs.size(); ++r) {
    auto const& run = runs[r];
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    RecordedIteration none;
    none.iteration = none.seconds = none.equivalents = unknown;
    none.hypergradient = none.target = unknown;
    auto const& last = run.iterations.empty() ? none : run.iterations.back();
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td><td "
        "class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td "
        "class=\"number\">{}</td><td class=\"number\">{}</td><td>{}, {} threads, {}, seed "
        "{}{}</td><td>{}</td></tr>\n",
        name(run, r), html_text(run.outcome), verdict_html(run.verdict), number(last.iteration, 9),
        number(run.upper, 10), number(last.hypergradient, 3), number(last.target, 3),
        number(last.seconds, 3), number(last.equivalents, 6), html_text(run.backend),
        html_text(run.threads), html_text(run.precision), html_text(run.seed),
        run.version.empty()
            ? ""
            : fmt::format("; minfold {} ({})", html_text(run.version), html_text(run.commit)),
        html_text(run.path));
  }
  return html + "</table>\n";
}

std::string list(std::vector<std::string> const& sentences) {
  if (sentences.empty()) return "";
  std::string html = "<ul>";
  for (auto const& sentence : sentences) html += "<li>" + html_text(sentence) + "</li>";
  return html + "</ul>";
}

/// Stretches of iterations with one verdict, and what kept the last one of each from better.
std::string verdicts(RunRecord const& run, std::size_t r) {
  std::string html = fmt::format("<h3>{}</h3>\n<table>\n", name(run, r));
  auto const& all = run.iterations;
  int rows = 0;
  for (std::size_t begin = 0; begin < all.size();) {
    std::size_t end = begin + 1;
    while (end < all.size() && all[end].verdict == all[begin].verdict) ++end;
    // A verdict that flickers would fill the page.
    if (++rows > 40) {
      html += "<tr><td>...</td><td>more changes of the verdict are not listed</td><td></td></tr>\n";
      break;
    }
    html += fmt::format("<tr><td>{} to {}</td><td>{}</td><td>{}</td></tr>\n",
                        number(all[begin].iteration, 9), number(all[end - 1].iteration, 9),
                        verdict_html(all[begin].verdict), list(all[end - 1].reasons));
    begin = end;
  }
  return html + fmt::format("<tr><td>result</td><td>{}</td><td>{}</td></tr>\n</table>\n",
                            verdict_html(run.verdict), list(run.reasons));
}

std::string stages_table(RunRecord const& run, std::size_t r) {
  std::string html = fmt::format(
      "<h3>{}</h3>\n<table>\n<tr><th>stage</th><th class=\"number\">values</th><th "
      "class=\"number\">gradients</th><th class=\"number\">H v</th><th "
      "class=\"number\">G<sup>T</sup> z</th><th class=\"number\">second order</th><th "
      "class=\"number\">seconds</th></tr>\n",
      name(run, r));
  for (auto const& stage : run.stages) {
    html += fmt::format("<tr><td>{}</td>", html_text(stage.name));
    for (double const count : stage.counts)
      html += fmt::format("<td class=\"number\">{}</td>", number(count, 12));
    html += fmt::format("<td class=\"number\">{}</td></tr>\n", number(stage.seconds, 4));
  }
  return html + "</table>\n";
}

std::string details(std::string const& title,
                    std::vector<std::pair<std::string, std::string>> const& pairs) {
  if (pairs.empty()) return "";
  auto html = fmt::format("<details><summary>{}</summary><table>\n", title);
  for (auto const& [key, value] : pairs)
    html += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", html_text(key), html_text(value));
  return html + "</table></details>\n";
}

}  // namespace

std::string html_text(std::string const& text) {
  std::string html;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const c = static_cast<unsigned char>(text[i]);
    // The number of bytes of the UTF-8 sequence that begins here, 0 if none does.
    std::size_t const length = c < 0x80   ? 1
                               : c < 0xc2 ? 0
                               : c < 0xe0 ? 2
                               : c < 0xf0 ? 3
                               : c < 0xf5 ? 4
                                          : 0;
    bool whole = length > 0 && i + length <= text.size();
    for (std::size_t k = 1; whole && k < length; ++k)
      whole = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
    if (!whole || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
      html += "\xef\xbf\xbd";
      continue;
    }
    switch (c) {
      case '&': html += "&amp;"; break;
      case '<': html += "&lt;"; break;
      case '>': html += "&gt;"; break;
      case '"': html += "&quot;"; break;
      case '\'': html += "&#39;"; break;
      default: html.append(text, i, length);
    }
    i += length - 1;
  }
  return html;
}

std::string report_page(std::vector<RunRecord> const& runs, std::vector<Figure> const& figures,
                        std::vector<std::string> const& pictures, std::string const& no_pictures) {
  std::string html = head;
  html +=
      fmt::format("<h1>minfold report: {} run{}</h1>\n", runs.size(), runs.size() == 1 ? "" : "s");
  html += runs_table(runs);
  if (pictures.empty())
    html += fmt::format("<p class=\"missing\">No figures: {}</p>\n", html_text(no_pictures));
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    bool const first = i == 0 || figures[i].section != figures[i - 1].section;
    if (first)
      html += fmt::format("{}<h2>{}</h2>\n{}<div class=\"figures\">\n", i ? "</div>\n" : "",
                          figures[i].section, legend(runs));
    html += pictures[i] + "\n";
  }
  if (!pictures.empty()) html += "</div>\n";
  html += "<h2>Verdicts and their reasons</h2>\n";
  for (std::size_t r = 0; r < runs.size(); ++r) html += verdicts(runs[r], r);
  html += "<h2>Evaluations and seconds by stage</h2>\n";
  for (std::size_t r = 0; r < runs.size(); ++r) html += stages_table(runs[r], r);
  html += "<h2>Options and findings</h2>\n";
  for (std::size_t r = 0; r < runs.size(); ++r) {
    html += fmt::format("<h3>{}</h3>\n", name(runs[r], r));
    html += details("options", runs[r].options) +
            details("metrics of the problem", runs[r].metrics) +
            details("against the closed form", runs[r].truth);
  }
  return html + fmt::format(
                    "<p>Written by minfold {}. A gradient equivalent is the work of one "
                    "gradient: a value counts half of one, a Hessian or mixed product two, a "
                    "second-order product four.</p>\n</body>\n</html>\n",
                    version);
}

}  // namespace minfold::cli
