#pragma once

#include "common/http/router.h"
#include "test/support/vela_server.h"
#include "test/support/vela_tokens.h"

#include <condition_variable>
#include <map>
#include <mutex>

namespace slipway::test {

/// What the server says of an executable that is not there, with PostgreSQL: it decrypts no bytes.
inline constexpr std::string_view kVelaNothingThere = "invalid value length for decrypt provided: 0";

struct VelaContainer {
    VelaRow row;
    std::string log; ///< Base64, as it was put.
};

struct VelaBuild {
    VelaRow row;
    std::optional<std::string> executable; ///< Taken by whoever asks first.
    std::map<std::int64_t, VelaContainer> steps;
    std::map<std::int64_t, VelaContainer> services;
};

/// What a test does in the middle of a call.
struct VelaHook {
    VelaMoment moment = VelaMoment::asked;
    std::string method;
    std::string end; ///< Of the path.
    std::function<void()> action;
};

/// The rows of a `VelaServer`, and the answers made of them.
struct VelaState {
    VelaServerOptions options;
    VelaTokens tokens{"key of a test's server"};
    std::string url;
    mutable std::mutex mutex;
    mutable std::condition_variable changed;
    VelaOutage outage = VelaOutage::none;
    std::int64_t next_id = 1;
    std::map<std::string, VelaRow> workers;
    std::map<std::string, VelaBuild> builds; ///< By "org/repo/number".
    std::map<std::string, std::string> secrets;
    std::map<std::string, std::string> objects;
    std::vector<VelaRequest> requests;
    std::vector<VelaHook> hooks;

    /// Runs the first hook that waits for this, and forgets it. Takes the lock.
    void meet(VelaMoment moment, std::string_view method, std::string_view path);
    /// The token's claims; the shared secret has claims of its own kind.
    [[nodiscard]] std::optional<VelaClaims> claims(std::string_view bearer) const;
    /// As the server shows it to a worker.
    [[nodiscard]] std::string server_token() const;
};

/// As a user's `DELETE …/builds/N/cancel` of a build that is there. Takes the state's lock, and leaves it
/// while it calls a worker.
[[nodiscard]] VelaAnswer vela_cancel(VelaState& state, const std::string& build);

/// Of a pending build, in favour of another. Takes the state's lock.
void vela_replace_pending(VelaState& state, const std::string& build);

/// The routes of the API; `state` outlives the router.
[[nodiscard]] http::Router vela_routes(VelaState& state);

} // namespace slipway::test
