#pragma once

#include "common/protocol/wire.h"
#include "common/result.h"

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// Names one grant of one stage in every call about it.
struct StageRef {
    std::string stage_id;
    protocol::Fence fence;
};

/// What the backend says to a call about a stage. A call that fails as a `Result` may or may not have
/// arrived; it is repeated, since every call is idempotent.
struct StageAnswer {
    enum class Kind : std::uint8_t {
        ok,
        gone, ///< Our grant is not the newest any more.
        not_yet, ///< The log is behind or ahead: continue at `expected`.
    };
    Kind kind = Kind::ok;
    protocol::Millis lease = 0; ///< Of accept and report.
    std::uint64_t expected = 0; ///< Of append_log, and of a report that is `not_yet`.
};

/// Where runs come from and where their logs and ends go. All methods are thread-safe, block until answered
/// or until a deadline of their own, and return early with `cancelled` when `stop` is requested. `rejected`
/// from any of them means that the session is over: enroll again. None of them retries by itself.
class Backend {
public:
    virtual ~Backend() = default;

    virtual Result<protocol::RegisterResponse> enroll(
        const protocol::RegisterRequest& request, std::stop_token stop)
        = 0;
    /// Waits up to `request.wait` for something to do.
    virtual Result<protocol::PollResponse> poll(const protocol::PollRequest& request, std::stop_token stop)
        = 0;
    virtual Result<StageAnswer> accept(
        const StageRef& stage, protocol::Millis run_limit, std::stop_token stop)
        = 0;
    virtual Result<void> decline(const StageRef& stage, std::string_view reason, std::stop_token stop) = 0;
    /// `report.fence` is taken from `stage`.
    virtual Result<StageAnswer> report(
        const StageRef& stage, const protocol::StateReport& report, std::stop_token stop)
        = 0;
    /// At most protocol::kMaxLogChunkBytes.
    virtual Result<StageAnswer> append_log(
        const StageRef& stage, std::uint64_t offset, std::string_view bytes, std::stop_token stop)
        = 0;
    /// The whole of the file behind `fd`, from its start. Replaces a blob of that name made under the same
    /// grant.
    virtual Result<StageAnswer> upload_blob(
        const StageRef& stage, std::string_view name, int fd, std::uint64_t size, std::stop_token stop)
        = 0;
    virtual Result<StageAnswer> download_blob(const StageRef& stage, std::string_view name,
        const std::function<Result<void>(std::string_view)>& sink, std::stop_token stop)
        = 0;
    /// Clean exit: the worker leaves the pool.
    virtual Result<void> sign_off(std::stop_token stop) = 0;
};

} // namespace slipway::launcher
