#pragma once

#include "test/support/vela_row.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::test {

enum class VelaOutage : std::uint8_t {
    none,
    errors, ///< Every call is answered with 500 and does nothing.
    hangs, ///< No call is answered until the outage is over, then as under `errors`.
};

struct VelaServerOptions {
    /// The shared secret of symmetric mode; empty: tokens only.
    std::string secret;
    std::string queue_public_key;
    std::string queue_address;
    /// Signs a queue element's message.
    std::function<std::string(std::string_view message)> sign;
    std::chrono::seconds register_lifetime{60};
    std::chrono::seconds auth_lifetime{1200};
    std::chrono::seconds build_lifetime{2100};
    bool has_storage = true;
    std::string address = "127.0.0.1"; ///< Where it listens.
};

struct VelaBuildOptions {
    std::string org = "octo";
    std::string repo = "hello";
    std::int64_t number = 1;
    std::string event = "push";
    std::int64_t timeout = 30; ///< Minutes.
    std::int64_t item_version = 3;
    std::string row; ///< JSON of the whole build, as pushed; empty: a small one of what is above.
};

/// A request as it came, and what it was answered.
struct VelaRequest {
    std::string method;
    std::string path; ///< Decoded, without the query.
    std::string body;
    std::string token_kind; ///< "" when the token was none of this server's.
    int status = 0; ///< 0: it was kept waiting, by an outage.
    std::string query; ///< Decoded: "a=1&b=2".
    std::string content_type;
};

enum class VelaMoment : std::uint8_t {
    asked, ///< Nothing of the call has happened yet.
    done, ///< It has happened, and its caller does not know yet.
};

/// What a caller of the API is answered.
struct VelaAnswer {
    int status = 0;
    std::string body;
};

/// The part of a Vela server that a worker talks to: keeps rows, mints tokens and refuses what the original
/// refuses. Listens on a free port. Thread-safe.
class VelaServer {
public:
    explicit VelaServer(VelaServerOptions options = {});
    ~VelaServer();
    VelaServer(const VelaServer&) = delete;
    VelaServer& operator=(const VelaServer&) = delete;

    [[nodiscard]] std::string url() const;

    // What a test does to it.
    /// Makes the rows of a pending build and returns the signed element for the queue.
    std::string add_build(std::string_view pipeline, const VelaBuildOptions& options = {});
    /// `path`: "native/repo/octo/hello/api_key"; `json`: the whole secret.
    void add_secret(const std::string& path, std::string json);
    /// A user's cancel: of a pending build the server marks its own rows, of a running one it calls the
    /// worker's API, by the address in the worker's row, and writes back what that answers.
    [[nodiscard]] VelaAnswer cancel(const std::string& build);
    /// What the server does by itself to a build that a newer one replaces, and that it believes to be
    /// pending still: the row is marked as it is, and only then is the pipeline looked for.
    void replace_pending(const std::string& build);
    void set_outage(VelaOutage outage);
    /// Calls `action` at the next call of this kind, once; `end`: of its path. Without a lock: it may ask and
    /// change this server.
    void at(VelaMoment moment, std::string method, std::string end, std::function<void()> action);

    // Tokens.
    [[nodiscard]] std::string register_token(const std::string& host) const;
    /// As the server shows it to a worker.
    [[nodiscard]] std::string server_token() const;
    /// As `VelaClaims::kind`; "": it is none of this server's.
    [[nodiscard]] std::string token_kind(std::string_view token) const;

    // What a test asks it. A build is named "octo/hello/1"; throws for a row that is not there.
    [[nodiscard]] VelaRow build(const std::string& build) const;
    [[nodiscard]] VelaRow step(const std::string& build, std::int64_t number) const;
    [[nodiscard]] VelaRow service(const std::string& build, std::int64_t number) const;
    [[nodiscard]] std::string step_log(const std::string& build, std::int64_t number) const;
    [[nodiscard]] std::string service_log(const std::string& build, std::int64_t number) const;
    [[nodiscard]] std::optional<VelaRow> worker(const std::string& host) const;
    /// What was put to an upload URL; nothing when nothing was.
    [[nodiscard]] std::optional<std::string> object(const std::string& key) const;
    /// In the order in which they were answered, or began to wait.
    [[nodiscard]] std::vector<VelaRequest> requests() const;

    /// Looks after each request until `condition` holds; false when the time is over. `condition` is called
    /// without a lock and may ask this server.
    [[nodiscard]] bool wait_for(
        const std::function<bool()>& condition, std::chrono::milliseconds at_most) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace slipway::test
