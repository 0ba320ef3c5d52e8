#pragma once

#include "mothership/cli/api_client.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
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
    std::string pool;
    std::string image;
    std::string project_root;
    std::vector<std::string> init;
    std::vector<std::string> plan;
    std::vector<std::string> apply;
    std::vector<std::string> environment; ///< NAME=VALUE
    std::optional<bool> autodeploy;
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
Result<void> list_workers(ApiClient& client, const std::string& pool, bool json);

Result<void> create_stack(ApiClient& client, const StackOptions& options);
/// Changes what is given and leaves the rest; of two changes at the same time one may be lost.
Result<void> set_stack(ApiClient& client, const StackOptions& options);
Result<void> attach_stack(ApiClient& client, const std::string& stack, const std::string& pool);
Result<void> push_stack(ApiClient& client, const std::string& stack, const std::filesystem::path& directory);
Result<void> list_stacks(ApiClient& client, bool json);

/// Returns the run's id.
Result<std::string> start_run(ApiClient& client, const std::string& stack, const std::string& type);
Result<void> list_runs(ApiClient& client, const std::string& stack, bool json);
Result<void> show_run(ApiClient& client, const std::string& run, bool json);
/// `verb`: confirm, discard, stop, release or declare-lost.
Result<void> decide_run(ApiClient& client, const std::string& run, const std::string& verb);
/// The log's bytes to standard output, as they are. Following ends when the run does, or waits for a person;
/// what it waits for goes to standard error. A failure says with which command to go on.
Result<RunEnd> print_log(ApiClient& client, const LogOptions& options);

} // namespace slipway::cli
