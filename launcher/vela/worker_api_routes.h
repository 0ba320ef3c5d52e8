#pragma once

#include "common/http/router.h"
#include "launcher/vela/worker_api.h"

#include <atomic>
#include <memory>
#include <stop_token>
#include <string>

namespace slipway::vela {

/// So many calls of the server's are answered at once: each waits for the server to say that the token is its
/// own, and strangers must not take every thread with tokens of theirs.
inline constexpr int kGuardedCalls = 8;

/// What the handlers share. Thread-safe.
struct ApiCalls {
    ApiCalls(const WorkerApiOptions& options, WorkerApiHooks the_hooks)
        : hooks{std::move(the_hooks)}
        , hostname{options.hostname}
        , version{version_json(options.version)}
    {
    }

    const WorkerApiHooks hooks;
    const std::string hostname;
    const std::string version;
    std::atomic<int> guarded = 0;
    std::stop_source stop;
};

[[nodiscard]] http::Router make_router(std::shared_ptr<ApiCalls> calls);

} // namespace slipway::vela
