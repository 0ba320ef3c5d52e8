#pragma once

#include "common/json.h"
#include "common/protocol/fence.h"
#include "common/result.h"

#include <string>
#include <utility>
#include <vector>

namespace slipway::protocol {

/// One environment variable of a stage.
struct Variable {
    std::string name;
    std::string value; ///< Plain text; or, when `sealed`, the base64 of an envelope for the pool.
    bool sealed = false;
    bool secret = false; ///< Its value is masked in the log. True for every sealed one.
};

/// A file that is put into the workspace before the first phase.
struct MountedFile {
    std::string path; ///< Relative to the workspace.
    std::string content; ///< Base64; of an envelope for the pool when `sealed`. Empty with a `blob`.
    std::string blob; ///< Name of the blob with the content, as it is, or of the envelope; empty: none.
    bool sealed = false;
    int mode = 0644;
};

/// One step of a stage: a main command between its hooks. Hooks and main run in one shell session.
struct Phase {
    std::string name; ///< prepare, init, plan, apply, destroy, perform, testing
    std::vector<std::string> before; ///< Hooks: one shell command each, joined with &&.
    std::vector<std::string> commands; ///< Likewise.
    std::vector<std::string> after;
    bool always = false; ///< It undoes what those before it did: it runs also when one of them failed.
};

/// What the stage may use. 0 means: as the launcher is configured.
struct StageLimits {
    Millis run = 0; ///< Never above the launcher's own run limit.
    Millis silence = 0;
    std::int64_t memory_bytes = 0;
    std::int64_t nano_cpus = 0;
    std::int64_t pids = 0;
};

/// How far the control plane trusts the code of the stage; the launcher may refuse a class.
enum class SafetyClass : std::uint8_t {
    trusted, ///< A branch that the stack tracks.
    proposed, ///< Code that nobody has merged yet.
};

/// A stage as it is offered to a launcher: everything that is needed to run it, and nothing secret in plain
/// that the control plane was not given in plain. Unknown fields are ignored on the wire, so that either side
/// may be newer.
struct Assignment {
    std::string stage_id;
    std::string run_id;
    std::string stack_id;
    std::string pool_id;
    std::string stage_name; ///< plan or apply; names the part of the log.
    std::string run_type; ///< TRACKED, PROPOSED, TASK, TESTING, DESTROY
    StageKind kind = StageKind::read;
    Fence fence;
    SafetyClass safety = SafetyClass::trusted;

    std::string image; ///< Empty: the launcher's default runner image.
    std::string image_id; ///< Of an earlier stage's report, as in StateReport; empty for the first stage.

    std::vector<Phase> phases;
    std::vector<std::string> after_run; ///< Hooks that run whatever came of the phases.
    std::vector<Variable> variables;
    std::vector<MountedFile> files;
    StageLimits limits;

    std::string source_blob; ///< Name of the blob with the uploaded sources (tar); empty: none.
    /// Where the sources are in git (git_source.h); empty: they are not. A stage without `workspace_in`
    /// fetches them in its phase "prepare".
    std::string git_url;
    std::string git_ref; ///< Empty: what HEAD is there.
    std::string git_commit; ///< That the run is of; empty: not resolved yet, by `git_ref`.
    std::string workspace_in; ///< Name of the envelope with the workspace of an earlier stage; empty: none.
    Fence workspace_fence; ///< The grant that made it: part of the envelope's context.
    std::string workspace_maker; ///< The stage that made it.
    std::string workflow; ///< custom, opentofu, terraform or ansible: whose commands the phases are.
    bool manage_state = false; ///< The control plane keeps the state file of the project root.
    std::string
        state_in; ///< Name of the envelope with its newest version; empty: none, or it is in the workspace.
    Fence state_fence; ///< The grant that made it: part of the envelope's context.
    std::string state_maker; ///< The stage that made it.

    bool keep_workspace = false; ///< The workspace is sealed and uploaded at the end of a successful stage.
    std::string project_root; ///< Directory of the sources in which the phases run; empty: their top.
    bool debug = false; ///< Commands are shown in the log.
};

/// Largest content of a mounted file.
inline constexpr std::size_t kMaxMountedFile = 2 * 1024 * 1024;

/// Largest JSON text of one assignment.
inline constexpr std::size_t kMaxAssignmentBytes = 4 * 1024 * 1024;

void write(JsonWriter& json, const Assignment& assignment);
[[nodiscard]] Result<Assignment> read_assignment(const JsonValue& json);

} // namespace slipway::protocol
