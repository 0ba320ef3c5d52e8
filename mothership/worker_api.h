#pragma once

#include "common/http/router.h"
#include "mothership/blob_directory.h"
#include "mothership/control_plane.h"

#include <map>
#include <mutex>

namespace slipway::mothership {

/// Who calls: a pool by the certificate of the connection, and a worker of it by the session.
struct Caller {
    Pool pool;
    Worker worker;
};

/// The worker protocol over HTTP (docs/protocol.md). Its handlers are called from several threads.
class WorkerApi {
public:
    WorkerApi(ControlPlane& plane, const BlobDirectory& blobs)
        : plane_{plane}
        , blobs_{blobs}
    {
    }

    /// The router's handlers refer to this object.
    void add_routes(http::Router& router);

    using Handle = Result<http::Reply> (WorkerApi::*)(const Caller&, const http::Request&);

    /// Checks certificate and session; a reply is the refusal.
    [[nodiscard]] Result<std::variant<Caller, http::Reply>> authenticate(const http::Request& request);

    [[nodiscard]] ControlPlane& plane() const noexcept { return plane_; }

    [[nodiscard]] const BlobDirectory& blobs() const noexcept { return blobs_; }

private:
    Result<http::Reply> enroll(const http::Request& request);
    Result<http::Reply> sign_off(const Caller& caller, const http::Request& request);
    Result<http::Reply> poll(const Caller& caller, const http::Request& request);
    Result<http::Reply> accept(const Caller& caller, const http::Request& request);
    Result<http::Reply> decline(const Caller& caller, const http::Request& request);
    Result<http::Reply> report(const Caller& caller, const http::Request& request);
    Result<http::Reply> append_log(const Caller& caller, const http::Request& request);
    Result<http::Reply> download_blob(const Caller& caller, const http::Request& request);
    Result<http::SinkOrReply> upload_blob(const http::Request& request);

    Result<std::optional<http::Reply>> refuse_stranger(const http::Request& request);
    Result<std::optional<http::Reply>> refuse_foreign_certificate(const http::Request& request);
    http::Handler authenticated(Handle handle);
    /// How long an answer that says what the worker was told already is kept back; 0: it is news.
    Millis hold_back(const std::string& worker_id, const std::string& answer);
    /// Notes the places that a worker has; whether they are more than it had at its last poll.
    bool more_places(const std::string& worker_id, int places);
    /// Whether a later poll of this session is here: then this one is to end. Ends those before it.
    bool is_replaced(const std::string& worker_id, std::int64_t number);
    [[nodiscard]] http::Reply poll_reply(protocol::PollResponse answer) const;
    /// It declined: how long it rests.
    Millis rest_of(const std::string& worker_id);
    void forget_declines(const std::string& worker_id);

    /// What passed between a worker's session and this process; it spares calls and decides nothing.
    struct Dealings {
        std::string told; ///< The news of the last answer that had some.
        BootClock::time_point told_at;
        int places = 0; ///< That were free at its last poll.
        int declines = 0; ///< In a row.
        std::int64_t newest = 0; ///< Number of its polls.
    };

    ControlPlane& plane_;
    const BlobDirectory& blobs_;
    std::mutex dealings_mutex_;
    std::map<std::string, Dealings> dealings_; ///< By the worker's id.
};

/// 401: the session was replaced or has ended.
[[nodiscard]] http::Reply session_over_reply();
/// The caller's worker as it is in this transaction; fails with `rejected`, which `authenticated` answers
/// with 401, when the session has ended since the call was authenticated.
[[nodiscard]] Result<Worker> current_worker(Transaction& records, const Caller& caller);
/// 410: the caller's grant is not the newest one of the stage.
[[nodiscard]] http::Reply gone_reply();
/// 409 with the offset from which the log is to go on.
[[nodiscard]] http::Reply not_yet_reply(std::uint64_t durable);
[[nodiscard]] http::Reply lease_reply(const ControlPlane& plane);

/// `fence` of the query.
[[nodiscard]] Result<protocol::Fence> fence_of(const http::Request& request);
[[nodiscard]] Result<std::uint64_t> offset_of(const http::Request& request);
/// Names of blobs become names in URLs: letters, digits, '-', '_', '.', at most 128, no leading '.'.
[[nodiscard]] bool is_blob_name(std::string_view name) noexcept;

/// The stage `{id}` of the path if it is one of the caller's pool.
[[nodiscard]] Result<std::optional<Stage>> stage_of(
    Transaction& records, const Pool& pool, const http::Request& request);

/// 503: a restore forgot the stage; the worker keeps what it has of it.
[[nodiscard]] http::Reply forgotten_reply();

} // namespace slipway::mothership
