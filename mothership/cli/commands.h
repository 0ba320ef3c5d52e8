#pragma once

#include "mothership/cli/api_client.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What each command does once its arguments are read. Results go to standard output, progress to standard
/// error. `json` prints the server's answer as it came.
namespace slipway::cli {

struct PoolCreateOptions {
    std::string name;
    std::filesystem::path csr;
    std::filesystem::path out; ///< Where the token goes (0600).
};

/// Of `stack create` and `stack set`; what is empty was not given.
struct StackOptions {
    std::string name;
    std::string kind = "stack"; ///< Or "module".
    std::string pool;
    std::string image;
    std::string project_root;
    std::optional<std::string> git; ///< URL; "": the sources are pushed again.
    std::optional<std::string> ref;
    std::vector<std::string> init;
    std::vector<std::string> plan;
    std::vector<std::string> apply;
    std::vector<std::string> destroy;
    std::map<std::string, std::vector<std::string>> hooks; ///< By name: before_init … after_run.
    std::vector<std::string> environment; ///< NAME=VALUE
    std::vector<std::string> secrets; ///< NAME=@FILE, NAME (typed, or standard input), NAME=VALUE
    std::vector<std::string> unset; ///< Names of variables.
    std::filesystem::path pool_key; ///< For what is sealed; see sealing.h.
    std::string workflow;
    std::optional<bool> manage_state;
    std::optional<bool> autodeploy;
};

struct StackFileOptions {
    std::string stack;
    std::string path; ///< In the workspace.
    std::string file; ///< "-": standard input.
    std::string mode; ///< Octal; empty: 600 for a secret, else 644.
    bool secret = false;
    std::filesystem::path pool_key;
};

struct StatePullOptions {
    std::string stack;
    std::int64_t version = 0; ///< 0: the newest.
    std::vector<std::string> key_files;
    std::string out = "-"; ///< A new file (0600), or "-" for standard output.
};

struct LogOptions {
    std::string run;
    std::uint64_t offset = 0;
    bool follow = false;
    /// Following goes on through a control plane that is away for this long.
    std::chrono::milliseconds patience = std::chrono::minutes{5};
    std::chrono::milliseconds pause = std::chrono::seconds{1}; ///< Between two attempts.
};

/// How a followed run ended; decides the exit code.
enum class RunEnd { waiting, finished, failed };

/// Sends nothing but a request that was read as one; the token's file is made before that, since the token
/// comes once. Prints the commands that start a worker.
Result<void> create_pool(ApiClient& client, const PoolCreateOptions& options);
Result<void> list_pools(ApiClient& client, bool json);
/// Shows the pinned fingerprint of a pool's key and the one that the control plane tells; or pins one.
Result<void> pin_pool_key(ApiClient& client, const std::string& pool, const std::string& fingerprint);
Result<void> list_workers(ApiClient& client, const std::string& pool, bool json);

Result<void> create_stack(ApiClient& client, const StackOptions& options);
/// Changes what is given and leaves the rest; of two changes at the same time one may be lost.
Result<void> set_stack(ApiClient& client, const StackOptions& options);
Result<void> attach_stack(ApiClient& client, const std::string& stack, const std::string& pool);
Result<void> push_stack(ApiClient& client, const std::string& stack, const std::filesystem::path& directory);
/// `kind`: which of them; as JSON, all.
Result<void> list_stacks(ApiClient& client, const std::string& kind, bool json);

/// Of a secret nothing leaves the machine but an envelope for the stack's pool.
Result<void> set_stack_file(ApiClient& client, const StackFileOptions& options);
Result<void> remove_stack_file(ApiClient& client, const std::string& stack, const std::string& path);
Result<void> list_stack_files(ApiClient& client, const std::string& stack);

Result<void> list_states(ApiClient& client, const std::string& stack, bool json);
/// Opens a version of the state with the pool's key, here.
Result<void> pull_state(ApiClient& client, const StatePullOptions& options);
Result<void> roll_back_state(ApiClient& client, const std::string& stack, std::int64_t version);

/// Returns the run's id. `command`: of a TASK.
Result<std::string> start_run(
    ApiClient& client, const std::string& stack, const std::string& type, const std::string& command = {});
/// The envelope that a run has left of a state that could not be kept, into a new file or to "-".
Result<void> save_rescue(ApiClient& client, const std::string& run, const std::string& out);
/// What an apply told: as JSON, or with `sealed_out` the envelope with the sensitive ones, into a new file or
/// "-".
Result<void> show_outputs(ApiClient& client, const std::string& run, const std::string& sealed_out);
Result<void> list_runs(ApiClient& client, const std::string& stack, bool json);
Result<void> show_run(ApiClient& client, const std::string& run, bool json);
/// `verb`: confirm, discard, stop, release or declare-lost.
Result<void> decide_run(ApiClient& client, const std::string& run, const std::string& verb);
/// The log's bytes to standard output, as they are. Following ends when the run does, or waits for a person;
/// what it waits for goes to standard error. A failure says with which command to go on.
Result<RunEnd> print_log(ApiClient& client, const LogOptions& options);

} // namespace slipway::cli
