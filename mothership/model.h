#pragma once

#include "common/protocol/server_core.h"
#include "common/protocol/wire.h"
#include "common/result.h"
#include "mothership/clones.h"
#include "mothership/run_state.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The records of the control plane as values. Times named `*_ms` are milliseconds since 1970 (for people);
/// times of type protocol::Millis are served time (for leases).
namespace slipway::mothership {

using protocol::Millis;

struct Meta {
    std::uint32_t epoch = 1; ///< Grows when the store is found to have gone back in time.
    std::int64_t generation
        = 0; ///< Grows with each reservation of served time; kept beside the store as well.
    Millis served = 0; ///< Served time when this was written.
    Millis reserved = 0; ///< No served time above this was ever handed out.
    std::string server_id; ///< ULID, made by the first start.
    std::string secret; ///< Key of what only this control plane may make: 64 hexadecimal digits.
};

struct ApiKey {
    std::string id; ///< ULID.
    std::string name;
    std::string hash; ///< SHA-256 of the whole key text, hexadecimal.
    std::int64_t created_ms = 0;
};

struct Pool {
    std::string id;
    std::string name;
    std::string description;
    std::string key_fingerprint; ///< SHA-256 of the SPKI of the CSR, hexadecimal.
    std::string public_key; ///< PEM of the SPKI of the CSR; empty: the pool is older than this column.
    std::string certificate_fingerprint; ///< SHA-256 of the current certificate (DER), hexadecimal.
    std::string certificate_serial; ///< Hexadecimal.
    std::int64_t created_ms = 0;
};

struct Worker {
    std::string id;
    std::string pool_id;
    std::string instance_id;
    std::string boot_id;
    std::string session_hash; ///< SHA-256 of the session token, hexadecimal; empty: signed off.
    std::string version;
    std::string hostname;
    protocol::Metadata metadata;
    int capacity = 1;
    bool drained = false; ///< It says that it takes nothing more.
    std::int64_t created_ms = 0;
    std::int64_t last_seen_ms = 0;
    Millis last_contact = 0;
    Millis rests_until = 0; ///< It declined an offer: no new one before.
    Registrations registrations;
};

/// A file that jobs find in their workspace. Its content is a file of the blob directory.
struct StackFile {
    std::string path; ///< Within the workspace.
    int mode = 0644;
    bool sealed = false; ///< The content is an envelope for the pool.
    std::int64_t version = 0; ///< Of the content: Transaction::stack_file.
    std::uint64_t size = 0; ///< Of what is stored.
};

/// What a stack runs; copied into each run when that is made.
struct StackSpec {
    std::string workflow = "custom"; ///< custom, opentofu, terraform or ansible.
    bool manage_state = false; ///< The state file of the project root is kept here, sealed, in versions.
    std::string runner_image;
    std::string project_root;
    std::string git_url; ///< Where the sources are in git (protocol/git_source.h); empty: they are uploaded.
    std::string git_ref; ///< Empty: what HEAD is there.
    bool autodeploy = false;
    /// init, plan, apply, destroy: commands. In the copy of a task's run also perform.
    std::map<std::string, std::vector<std::string>> phases;
    std::map<std::string, std::vector<std::string>> hooks; ///< before_init … after_run: commands.
    std::vector<std::pair<std::string, std::string>> environment;
    std::vector<std::pair<std::string, std::string>> sealed_environment; ///< Base64 of envelopes.
    std::string sealed_for; ///< The pool that all that is sealed was sealed to; empty: nothing is.
    std::vector<StackFile> files;

    [[nodiscard]] bool has_sealed() const;
};

enum class StackKind : std::uint8_t {
    stack,
    module, ///< Is tested, and nothing else: its runs are of the type TESTING.
};

[[nodiscard]] std::string_view to_string(StackKind kind) noexcept;
[[nodiscard]] std::optional<StackKind> stack_kind_from(std::string_view name) noexcept;

struct Stack {
    std::string id; ///< Slug made of the name.
    std::string name;
    std::string pool_id; ///< Empty: none is attached.
    StackSpec spec;
    std::int64_t created_ms = 0;
    StackKind kind = StackKind::stack; ///< Never changes.
};

/// One upload of a stack's sources.
struct Source {
    std::string stack_id;
    std::int64_t version = 0;
    std::string file; ///< Name in the blob directory.
    std::uint64_t size = 0;
    std::string sha256;
    std::int64_t uploaded_ms = 0;
};

/// One version of a stack's state file: an envelope for the pool.
struct StateVersion {
    std::string stack_id;
    std::int64_t version = 0; ///< From 1, in the order in which they came.
    std::string pool_id; ///< That can open it.
    std::string run_id; ///< That made it.
    std::string stage_id;
    protocol::Fence fence; ///< Of the grant that made it.
    std::string file; ///< Name in the blob directory. Versions made by a rollback share it.
    std::uint64_t size = 0;
    std::int64_t created_ms = 0;
    std::string note; ///< A sentence for people; may be empty.
};

/// When each part of a run's way was reached for the first time; 0: not yet.
struct Timeline {
    std::int64_t queued_ms = 0;
    std::int64_t picked_up_ms = 0;
    std::int64_t started_ms = 0;
    std::int64_t first_byte_ms = 0;
    std::int64_t planned_ms = 0;
    std::int64_t confirmed_ms = 0;
    std::int64_t applied_ms = 0;
};

struct Run {
    std::string id;
    std::int64_t version = 1; ///< Grows with each change that people can see.
    std::string stack_id;
    RunType type = RunType::tracked;
    RunState state = RunState::none;
    std::string pool_id; ///< Set when it becomes ready.
    StackSpec spec;
    std::int64_t source_version = 0; ///< 0: the stack had no source.
    std::int64_t created_ms = 0;
    Timeline timeline;
    std::string commit; ///< Of its sources, once a worker has fetched them from git.
};

struct HistoryEntry {
    RunState state = RunState::none;
    std::int64_t at_ms = 0;
    std::string note;
};

/// A stage of a run. `core` is changed by protocol::server::step alone.
struct Stage {
    std::string id;
    std::string run_id;
    int ordinal = 0;
    std::string name; ///< plan or apply
    std::string pool_id;
    protocol::ServerStage core;
    std::int64_t revision = 1; ///< Of `core`: a write is conditional on the one that was read.
    int attempts = 0; ///< Grants that were accepted.
    std::int64_t sequence = -1; ///< Of the last report of the newest grant.
    std::string phase; ///< That the worker reported last.
    std::string image_id; ///< That the worker used.
    int exit_code = -1;
    std::string cause;
    std::string message;
    std::string workspace; ///< Name of the envelope that its newest grant left; empty: none.
};

/// One grant of a stage and the log that came of it.
struct Attempt {
    std::string stage_id;
    protocol::Fence fence;
    std::string run_id;
    std::string worker_id;
    std::int64_t granted_ms = 0;
    std::uint64_t log_end = 0;
    bool log_conflict = false; ///< Other bytes came for an offset that was known; the first ones were kept.
};

/// An envelope that a stage uploaded.
struct Blob {
    std::string stage_id;
    std::string name;
    protocol::Fence fence; ///< Of the grant that made it.
    std::string file; ///< Name in the blob directory.
    std::uint64_t size = 0;
};

/// The JSON of a stack's specification, as stored and as the API shows it: members of the object that is
/// open.
void write_members(JsonWriter& json, const StackSpec& spec);
[[nodiscard]] std::string to_json(const StackSpec& spec);
/// Changes `spec` by the members that are present, but for its files. Refuses unknown phases, hooks and names
/// of variables, and envelopes that are not for the variable and the pool that they are given for.
[[nodiscard]] Result<void> read_members(const JsonValue& json, StackSpec& spec);
/// The specification in stored text.
[[nodiscard]] Result<StackSpec> read_stack_spec(std::string_view text);
/// Fails with `exhausted` when the specification as JSON is over 1 MiB: every run carries a copy of it to its
/// worker, and whatever is stored must be readable for all.
[[nodiscard]] Result<void> check_size(const StackSpec& spec);

/// A path of a mounted file: relative, within the workspace, at most 99 bytes.
[[nodiscard]] Result<void> check_file_path(std::string_view path);
/// Fails with `conflict` when something of the stack is sealed to another pool than the one it has.
[[nodiscard]] Result<void> check_sealed_for(const Stack& stack);

/// The slug of a stack's name: lower case, words joined by '-'; empty if nothing usable is left.
[[nodiscard]] std::string slug_of(std::string_view name);

} // namespace slipway::mothership
