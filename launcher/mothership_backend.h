#pragma once

#include "common/clock.h"
#include "common/http/http_client.h"
#include "common/random.h"
#include "common/secret.h"
#include "launcher/backend.h"
#include "launcher/poll_call.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::launcher {

/// Begins the message when it is the server that showed a certificate we do not trust, not we that were
/// refused.
inline constexpr std::string_view kServerNotTrusted = "the server's certificate is not trusted";

/// What a launcher shows to its control plane.
struct MothershipIdentity {
    std::string certificate_pem; ///< The pool's certificate, shown on every connection.
    Secret private_key_pem; ///< Its key.
};

struct MothershipOptions {
    std::string url; ///< https://host:port
    std::string ca_pem; ///< The only authority that is trusted; empty: the system's trust store.
    MothershipIdentity identity;
    std::string user_agent;
    const Clock& clock; ///< This and the next one outlive the backend.
    Random& random;
    int capacity = 1; ///< Stages at once, each with two threads that call.
    bool debug = false; ///< Takes every offer as if its stack asked for its commands to be shown.
};

/// The worker protocol over HTTPS. Each call that is under way has a connection of its own, kept for the next
/// one.
/// A server that answers with Retry-After (RFC 9110 section 10.2.3) is not sent another call of that sort
/// before the time is over, at most http::kLongestRetryAfter: the call waits for it before it starts. Errors
/// as of `http::HttpClient::send`, and those that `http::code_of_status` gives for an answer. A call that was
/// under way with an older session when a new one came is `unreachable`, not `rejected`: the new one will do.
/// Thread-safe.
class MothershipBackend final : public Backend {
public:
    /// Connects to nothing yet.
    static Result<std::unique_ptr<MothershipBackend>> create(MothershipOptions options);

    /// Connects, for any answer at all, on a thread of its own, so that the handshake of the first call goes
    /// on beside whatever else its caller makes ready. Tells nobody how that went: the first `enroll` waits
    /// for its end, a few seconds at most, and finds a connection or meets what was in the way itself. Once
    /// only, before other calls. Throws std::system_error if there can be no thread.
    void connect_ahead();

    /// Shows another identity on connections from now on; calls that are under way end on theirs. The caller
    /// has found certificate and key to fit each other.
    Result<void> replace_identity(MothershipIdentity identity);

    Result<protocol::RegisterResponse> enroll(
        const protocol::RegisterRequest& request, std::stop_token stop) override;
    Result<protocol::PollResponse> poll(const protocol::PollRequest& request, std::stop_token stop) override;
    Result<StageAnswer> accept(
        const StageRef& stage, protocol::Millis run_limit, std::stop_token stop) override;
    Result<void> decline(const StageRef& stage, std::string_view reason, std::stop_token stop) override;
    Result<StageAnswer> report(
        const StageRef& stage, const protocol::StateReport& report, std::stop_token stop) override;
    Result<StageAnswer> append_log(
        const StageRef& stage, std::uint64_t offset, std::string_view bytes, std::stop_token stop) override;
    Result<StageAnswer> upload_blob(const StageRef& stage, std::string_view name, int fd, std::uint64_t size,
        std::stop_token stop) override;
    Result<StageAnswer> download_blob(const StageRef& stage, std::string_view name,
        const std::function<Result<void>(std::string_view)>& sink, std::stop_token stop) override;
    Result<void> sign_off(std::stop_token stop) override;

private:
    explicit MothershipBackend(MothershipOptions options);

    [[nodiscard]] Result<http::HttpClient> open(const MothershipIdentity& identity) const;
    /// One sort of calls: what a server that is short of time for it may put off.
    enum class Call : std::uint8_t { connect, enroll, poll, accept, decline, report, log, blob, sign_off };

    Result<http::ClientResponse> send(Call call, http::ClientRequest request, std::stop_token stop);
    Result<http::ClientResponse> post(Call call, std::string path, std::string json, std::stop_token stop);
    Result<http::ClientResponse> with_session(Call call, http::ClientRequest request, std::stop_token stop);
    /// On an idle connection or a new one, which is kept for later.
    Result<http::ClientResponse> exchange(
        Call call, const http::ClientRequest& request, std::stop_token stop);
    /// None: a new one is to be opened. A handshake with a client's certificate takes as long as all the rest
    /// of a call, so calls take the connection that was used last, and polls in quiet times connect the
    /// others: the oldest, each in turn. Needs mutex_.
    std::optional<http::HttpClient> take_idle(Call call);
    /// Waits for the time that the server has asked for.
    Result<void> wait_for_turn(Call call, std::stop_token stop);
    void put_off(Call call, const http::ClientResponse& response);
    /// To the server, which ends it when the next one comes.
    void leave(std::unique_ptr<PollCall> call);

    const MothershipOptions options_;
    std::mutex mutex_;
    MothershipIdentity identity_; // Guarded by mutex_.
    std::uint64_t identities_ = 0; // Guarded by mutex_. How many were replaced.
    std::deque<http::HttpClient>
        idle_; // Guarded by mutex_. Used last: at the end; not connected: at the front.
    bool quiet_ = false; // Guarded by mutex_. The last poll brought nothing new.
    std::string session_; // Guarded by mutex_. Empty before the first registration.
    std::map<Call, BootClock::time_point> not_before_; // Guarded by mutex_.
    std::int64_t polls_ = 0; // Guarded by mutex_.
    std::mutex left_mutex_;
    std::deque<std::unique_ptr<PollCall>> left_; // Guarded by left_mutex_. They use everything above.
    std::unique_ptr<PollCall> ahead_; // Guarded by mutex_. Likewise.
};

} // namespace slipway::launcher
