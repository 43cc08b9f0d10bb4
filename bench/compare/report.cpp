// SPDX-License-Identifier: Apache-2.0
#include "compare/report.hpp"

#include "compare/targets.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace minfold::bench {
namespace {

using Json = nlohmann::ordered_json;

/// JSON has no infinity and no NaN.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json json_of(Ceilings const& c) {
  return {
      {"threads", c.threads},      {"read_l1_gb_s", c.read_l1},         {"read_l2_gb_s", c.read_l2},
      {"read_l3_gb_s", c.read_l3}, {"read_memory_gb_s", c.read_memory}, {"fma_gf_s", c.fma},
      {"dgemm_gf_s", c.dgemm}};
}

Json json_of(Measured const& peer) {
  bool const timed = peer.rounds > 0;
  Json j = {{"name", peer.name},
            {"ms", number(peer.milliseconds)},
            {"ratio", timed ? number(peer.ratio) : Json(nullptr)},
            {"ratio_low", timed ? number(peer.ratio_low) : Json(nullptr)},
            {"ratio_high", timed ? number(peer.ratio_high) : Json(nullptr)},
            {"error", number(peer.verdict.error)}};
  if (peer.verdict.wrong) j["wrong"] = true;
  return j;
}

/// Three digits or what is in front of the point.
std::string short_number(double x) {
  return fmt::format("{:.{}f}", x, x < 10 ? 2 : x < 100 ? 1 : 0);
}

std::string words(std::vector<Judged> const& judged) {
  std::string text;
  for (auto const& j : judged)
    text +=
        fmt::format("{}{}: {}", text.empty() ? "" : "; ", j.promise, j.met ? "met" : "**not met**");
  return text;
}

std::string scaling_table(Report const& report) {
  auto const& all = report.all;
  auto const& one = report.one;
  std::string text = fmt::format(
      "\n## 1 to {} threads\n\nminfold on instances with 1 and {} threads, in turns in this "
      "process: "
      "time with 1 / time with {} in the same round, median and quartiles. In the same run the "
      "ceilings grow by: fp64 FMA {:.2f}, dgemm {:.2f}, read L1 {:.2f}, L2 {:.2f}, L3 {:.2f}, "
      "memory "
      "{:.2f}.\n\n"
      "| case | job | 1 thread, ms | {} threads, ms | speed-up | rounds "
      "|\n|---|---|---|---|---|---|\n",
      all.threads, all.threads, all.threads, all.fma / one.fma, all.dgemm / one.dgemm,
      all.read_l1 / one.read_l1, all.read_l2 / one.read_l2, all.read_l3 / one.read_l3,
      all.read_memory / one.read_memory, all.threads);
  for (auto const& s : report.scaling)
    text += s.verdict.wrong
                ? fmt::format("| {} | {} | | | **wrong**: {} | |\n", s.what.name,
                              to_string(s.what.job), s.verdict.reason)
                : fmt::format("| {} | {} | {} | {} | {:.2f} ({:.2f} to {:.2f}) | {} |\n",
                              s.what.name, to_string(s.what.job), short_number(s.one),
                              short_number(s.all), s.speedup, s.low, s.high, s.rounds);
  return text;
}

}  // namespace

std::string as_line(Scaling const& s) {
  if (s.verdict.wrong)
    return fmt::format("{:<18} {:<14} WRONG ({})\n", to_string(s.what.job), s.what.name,
                       s.verdict.reason);
  return fmt::format("{:<18} {:<14} 1 thread {} ms, {} threads {} ms ({:.2f}x)\n",
                     to_string(s.what.job), s.what.name, short_number(s.one), s.threads,
                     short_number(s.all), s.speedup);
}

std::string as_json(Report const& report) {
  Json rows = Json::array();
  int const threads = report.all.threads;
  for (auto const& row : report.rows) {
    Json peers = Json::array();
    for (auto const& peer : row.peers) peers.push_back(json_of(peer));
    Json j = {{"case", row.what.name},
              {"job", to_string(row.what.job)},
              {"backend", Space::name()},
              {"threads", threads},
              {"minfold_ms", number(row.minfold.milliseconds)},
              {"error", number(row.minfold.verdict.error)},
              {"ceiling_fraction", number(row.ceiling_fraction)},
              {"peers", peers}};
    if (row.minfold.verdict.wrong) j["wrong"] = true;
    rows.push_back(j);
  }
  Json machine = Json::object();
  for (auto const& [key, value] : report.machine) machine[key] = value;
  Json ceilings = {{"one_thread", json_of(report.one)}, {"all_threads", json_of(report.all)}};
  if (report.device.read_memory > 0) ceilings["device"] = json_of(report.device);
  Json scaling = Json::array();
  for (auto const& s : report.scaling)
    scaling.push_back({{"case", s.what.name},
                       {"job", to_string(s.what.job)},
                       {"threads", s.threads},
                       {"one_ms", number(s.one)},
                       {"all_ms", number(s.all)},
                       {"speedup", number(s.speedup)},
                       {"speedup_low", number(s.low)},
                       {"speedup_high", number(s.high)},
                       {"rounds", s.rounds},
                       {"wrong", s.verdict.wrong}});
  Json const all = {
      {"machine", machine}, {"ceilings", ceilings}, {"rows", rows}, {"scaling", scaling}};
  return all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string as_markdown(Report const& report) {
  auto const& m = report.machine;
  std::string text = "# minfold and its peers\n\n";
  text += fmt::format("{}, {} threads, {}; Kokkos {} {}; {}; commit {}; {:.0f} s in all.\n\n",
                      m.at("processor"), m.at("threads"), m.at("memory"), m.at("kokkos"),
                      m.at("backend"), m.at("blas"), m.at("commit"), report.seconds);
  text +=
      "| ceiling | read L1 | read L2 | read L3 | read memory | fp64 FMA | dgemm |\n"
      "|---|---|---|---|---|---|---|\n";
  for (auto const* c : {&report.one, &report.all})
    text += fmt::format(
        "| {} thread{} | {:.0f} GB/s | {:.0f} GB/s | {:.0f} GB/s | {:.1f} GB/s | {:.0f} "
        "GF/s | {:.0f} GF/s |\n",
        c->threads, c->threads == 1 ? "" : "s", c->read_l1, c->read_l2, c->read_l3, c->read_memory,
        c->fma, c->dgemm);
  if (!report.rows.empty())
    text +=
        "\nTimes are medians in ms. Ratio: time of the peer / time of minfold in the same round, "
        "median "
        "and quartiles.\n\n"
        "| case | job | | ms | ratio | error | of ceiling | target "
        "|\n|---|---|---|---|---|---|---|---|\n";
  for (auto const& row : report.rows) {
    bool const wrong = row.minfold.verdict.wrong;
    text +=
        fmt::format("| {} | {} | **minfold** | {} | | {:.1e} | {:.0f} % | {} |\n", row.what.name,
                    to_string(row.what.job), short_number(row.minfold.milliseconds),
                    row.minfold.verdict.error, 100 * row.ceiling_fraction,
                    wrong ? "**wrong**: " + row.minfold.verdict.reason : words(judge_row(row)));
    for (auto const& peer : row.peers) {
      std::string const factor =
          peer.rounds == 0
              ? ""
              : fmt::format("{} ({} to {})", short_number(peer.ratio), short_number(peer.ratio_low),
                            short_number(peer.ratio_high));
      text += fmt::format(
          "| | | {} | {} | {} | {:.1e} | | {} |\n", peer.name,
          peer.verdict.wrong ? "" : short_number(peer.milliseconds), factor, peer.verdict.error,
          peer.verdict.wrong ? "**wrong**: " + peer.verdict.reason : words(judge_peer(row, peer)));
    }
  }
  if (!report.scaling.empty()) text += scaling_table(report);
  auto const absent = absent_peers();
  if (!absent.empty()) {
    text += "\nNot in this build:";
    for (auto const& name : absent) text += " " + name + (&name == &absent.back() ? "" : ",");
    text += ".\n";
  }
  return text;
}

std::string as_lines(Row const& row) {
  auto const about = [](Measured const& m) {
    if (m.verdict.wrong) return fmt::format("WRONG ({})", m.verdict.reason);
    return short_number(m.milliseconds) + " ms";
  };
  std::string text = fmt::format("{:<18} {:<14} minfold {}", to_string(row.what.job), row.what.name,
                                 about(row.minfold));
  for (auto const& peer : row.peers) {
    text += fmt::format(", {} {}", peer.name, about(peer));
    if (peer.rounds > 0) text += fmt::format(" ({}x)", short_number(peer.ratio));
  }
  return text + "\n";
}

}  // namespace minfold::bench
