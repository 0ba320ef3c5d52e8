#pragma once

#include "common/protocol/assignment.h"
#include "launcher/job_host.h"

#include <stop_token>
#include <string>
#include <string_view>

/// Sources that a stage fetches from git itself, with the git of its image and as its user, before its first
/// phase.
namespace slipway::launcher {

/// The phase that fetches them.
inline constexpr std::string_view kPrepare = "prepare";

/// Whether this stage fetches its sources: later ones of a run find them in the workspace.
[[nodiscard]] bool fetches_sources(const protocol::Assignment& assignment);

/// The command for a POSIX shell, run in the workspace: fetches the commit, or what the ref means now,
/// without its history, into the directory of the sources, and writes the commit's name down where
/// `fetched_commit` reads it.
[[nodiscard]] std::string prepare_command(const protocol::Assignment& assignment);

/// What an exit code of that command means, for people; empty for one that is not its own.
[[nodiscard]] std::string prepare_words(int code, const protocol::Assignment& assignment);

/// The commit that the command has fetched. `invalid_input` or `rejected`: the job's file holds none.
[[nodiscard]] Result<std::string> fetched_commit(JobSlot& slot, std::stop_token stop);

} // namespace slipway::launcher
