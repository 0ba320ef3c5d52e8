#pragma once

#include "common/clock.h"
#include "common/http/http_client.h"
#include "common/log.h"
#include "common/random.h"
#include "common/result.h"
#include "common/secret.h"
#include "launcher/vela/model.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::vela {

struct ServerOptions {
    std::string url; ///< Of the API, with or without a final '/'.
    std::string user_agent;
};

/// This worker as the server knows it.
struct WorkerRow {
    std::string hostname;
    std::string address;
    std::vector<std::string> routes;
    bool active = true;
    std::string status; ///< "idle", "available", "busy", "error"
    std::int64_t build_limit = 1;
};

/// What is told of this worker; absent members are left alone.
struct WorkerUpdate {
    std::string status;
    std::optional<std::vector<std::int64_t>> running_builds; ///< Ids; an empty list is sent as such.
    std::int64_t last_status_update_at = 0;
    std::int64_t last_build_started_at = 0;
    std::int64_t last_build_finished_at = 0;
    std::optional<WorkerRow> row; ///< At a check-in: the whole object.
};

struct QueueInfo {
    std::string public_key; ///< Base64.
    std::string address;
};

/// A step or a service: what the server takes of one, and its own fields as it answered.
struct ContainerRow {
    std::string whole; ///< As it was last received.
    std::int64_t id = 0;
    std::int64_t number = 0;
    std::string name;
    std::string image;
    std::string stage;
    std::string status;
    std::string error;
    std::int64_t exit_code = 0;
    std::int64_t created = 0;
    std::int64_t started = 0;
    std::int64_t finished = 0;
    std::string host;
    std::string runtime;
    std::string distribution;
    std::string report_as;
};

enum class ContainerKind : std::uint8_t { step, service };

struct ScmToken {
    Secret token;
    std::int64_t expiration = 0;
};

/// Where a build's secret lies.
struct SecretPlace {
    std::string engine;
    std::string type;
    std::string org;
    std::string name; ///< "*", a repository, or a team.
    std::string key;
};

/// The API of a Vela server as a worker uses it. A call has a deadline of its own (15 s) and is not repeated
/// here, but for a kept connection that turns out to be closed: see `Retry`. Fails with `not_found` 404,
/// `conflict` 409, `rejected` 401 and 403, `invalid_input` other 4xx, `unreachable` (no answer, 5xx),
/// `timed_out`, `cancelled`; the message ends with the server's words. Thread-safe; keeps a few connections.
class Server {
public:
    static Result<std::unique_ptr<Server>> create(ServerOptions options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // With the worker's token.
    [[nodiscard]] Result<std::optional<WorkerRow>> worker(
        const Secret& token, std::string_view host, std::stop_token stop);
    /// Returns the next token.
    [[nodiscard]] Result<Secret> add_worker(const Secret& token, const WorkerRow& row, std::stop_token stop);
    [[nodiscard]] Result<Secret> refresh(const Secret& token, std::string_view host, std::stop_token stop);
    [[nodiscard]] Result<void> update_worker(
        const Secret& token, std::string_view host, const WorkerUpdate& update, std::stop_token stop);
    [[nodiscard]] Result<QueueInfo> queue_info(const Secret& token, std::stop_token stop);
    /// Nothing: the build is not to be run any more (409), or there is none (404).
    [[nodiscard]] Result<std::optional<Secret>> build_token(
        const Secret& token, const BuildName& build, std::stop_token stop);

    // With a build's token.
    /// The pipeline's JSON. The server gives it once.
    [[nodiscard]] Result<std::string> executable(
        const Secret& token, const BuildName& build, std::stop_token stop);
    /// Sends status, error, started, finished, host, runtime, distribution; returns the server's object.
    [[nodiscard]] Result<Build> build(const Secret& token, const BuildName& build, std::stop_token stop);
    [[nodiscard]] Result<Build> update_build(const Secret& token, const Build& build, std::stop_token stop);
    [[nodiscard]] Result<ContainerRow> update_container(const Secret& token, const BuildName& build,
        ContainerKind kind, const ContainerRow& row, std::stop_token stop);
    /// Replaces the log; see log_body.h.
    [[nodiscard]] Result<void> put_log(const Secret& token, const BuildName& build, ContainerKind kind,
        std::int64_t number, http::ClientRequest::Body log, std::stop_token stop);
    [[nodiscard]] Result<SecretValue> secret(
        const Secret& token, const SecretPlace& place, std::stop_token stop);
    /// Another token of the SCM in place of `scm`.
    [[nodiscard]] Result<ScmToken> refresh_scm_token(
        const Secret& token, const BuildName& build, const Secret& scm, std::stop_token stop);
    [[nodiscard]] Result<ScmToken> scm_token(
        const Secret& token, const BuildName& build, const GitToken& wanted, std::stop_token stop);
    [[nodiscard]] Result<Secret> id_request_token(
        const Secret& token, const BuildName& build, const Container& container, std::stop_token stop);
    /// Where to PUT an artifact.
    [[nodiscard]] Result<std::string> upload_url(
        const Secret& token, const BuildName& build, std::string_view file, std::stop_token stop);

    /// Whether the token comes from the server itself: `rejected` when not.
    [[nodiscard]] Result<void> validate_token(const Secret& token, std::stop_token stop);

private:
    struct Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace slipway::vela
