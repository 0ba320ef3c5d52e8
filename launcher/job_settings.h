#pragma once

#include "common/protocol/assignment.h"
#include "common/result.h"
#include "common/secret.h"
#include "launcher/engine_settings.h"
#include "launcher/journal.h"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::launcher {

inline constexpr std::string_view kWorkspace = "/mnt/workspace";
inline constexpr std::string_view kSource = "/mnt/workspace/source";

/// One run frame of a stage: a phase with its hooks, or the hooks that run after all of them.
struct Unit {
    std::string name; ///< Of the phase; "after_run" for the last hooks.
    std::vector<std::string> commands; ///< In their order; each runs if the one before succeeded.
    bool after_run = false;
    bool always = false; ///< As protocol::Phase has it.
    std::string note; ///< What the log says at its head beside its name; may be empty.
};

/// The shell of a unit makes this file in the container's memory as its first act.
inline constexpr std::string_view kShellMark = "/dev/shm/.slipway-shell";

/// In single quotes, as a POSIX shell reads it.
[[nodiscard]] std::string shell_quoted(std::string_view text);

/// The units of a stage in their order; number 1 is the first. Sources that are in git are fetched by the
/// first of the stages that need them. A phase without a command is left out. One that the stack's
/// SPACELIFT_SKIP_PLANNING, _APPLYING or _DESTROYING ("true") switches off keeps its place and runs neither
/// its command nor its hooks.
[[nodiscard]] std::vector<Unit> units_of(const protocol::Assignment& assignment);

/// The unit that follows number `seq` (0: before the first), or 0 when none does: after a failure only the
/// hooks of after_run follow, and before them, unless nothing but prepare and init ran, what always runs.
[[nodiscard]] int next_unit(const std::vector<Unit>& units, int seq, bool failed);

/// The text for `sh -c`: the commands in one shell session, each in braces and joined with &&, so that the
/// first failure ends it. Exported variables carry over to the next unit of the stage by a file in the
/// container's memory
/// (/dev/shm), never on a disk; where the shell was does not, since each unit begins in the project root.
[[nodiscard]] std::string script_of(
    const Unit& unit, const std::vector<std::pair<std::string, std::string>>& facts);

/// Lines of the log before a unit; in debug mode its commands are shown.
[[nodiscard]] std::string head_of(const Unit& unit, bool debug);

/// Where the units run: the project root within the sources. Fails with `invalid_input` on a root that leaves
/// them.
[[nodiscard]] Result<std::string> directory_of(const protocol::Assignment& assignment);

/// What the run is, for its hooks and for Terraform: SPACELIFT_* and TF_VAR_spacelift_*.
/// `progress`: of the stage, when the unit begins.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> run_facts(
    const protocol::Assignment& assignment, const Unit& unit, const Progress& progress);

/// Whether the stage is an apply, as the classes `ro` and `wo` of variables and mounts have it.
[[nodiscard]] bool applies(const protocol::Assignment& assignment);

/// Opens the value of one sealed variable.
using OpenValue = std::function<Result<Secret>(const protocol::Variable&)>;

/// The variables of a unit beside those of the image: what the operator allows to pass, then the stack's own,
/// then the facts of the run; a later one of the same name wins. Nothing else of the launcher's environment.
/// The result holds secrets: wipe it.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> environment_of(
    const protocol::Assignment& assignment, const std::vector<PassedVariable>& passed,
    const std::vector<std::pair<std::string, std::string>>& facts, const OpenValue& open);

} // namespace slipway::launcher
