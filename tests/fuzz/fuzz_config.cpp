// SPDX-License-Identifier: Apache-2.0
// A run described in TOML.
#include "config.hpp"
#include "fuzz.hpp"
#include "run_options.hpp"

#include <set>

using namespace minfold;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const name = "run.toml";
  auto const config =
      fuzz::attempt([&] { return cli::read_config(fuzz::view(data, size), name); }, name + ":");
  if (!config) return 0;
  EXPECT(config->name == name);
  std::set<std::string> seen;
  for (auto const& entry : config->run) {
    EXPECT(entry.line >= 1 && entry.column >= 1);
    EXPECT(seen.insert(entry.key).second);
    auto const* const option = cli::find_run_option(entry.key);
    EXPECT(option != nullptr);
    // What the reader lets pass, the command line takes.
    cli::SolveRequest request;
    option->assign(request, entry.value);
  }
  seen.clear();
  for (auto const& entry : config->set) {
    EXPECT(entry.line >= 1 && entry.column >= 1);
    EXPECT(!entry.key.empty() && entry.key.find('=') == std::string::npos);
    EXPECT(seen.insert(entry.key).second);
    EXPECT(entry.value.find('\0') == std::string::npos);
  }
  return 0;
}
