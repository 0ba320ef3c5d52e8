#pragma once

#include "common/result.h"
#include "mothership/cli/api_client.h"

#include <CLI/CLI.hpp>

#include <functional>

/// Private to command_line*.cpp: the tree of subcommands.
namespace slipway::cli {

/// What the chosen command does; returns the exit code.
using Work = std::function<Result<int>()>;

/// Does `work` with the stored account.
Result<int> with_client(const std::function<Result<void>(ApiClient&)>& work);

/// `slipway stack …`
void add_stacks(CLI::App& app, Work& work, bool& json);
/// `slipway module …`, but for `test`, which starts a run; returns where that belongs.
CLI::App* add_modules(CLI::App& app, Work& work, bool& json);

} // namespace slipway::cli
