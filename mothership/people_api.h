#pragma once

#include "common/http/router.h"
#include "common/secret.h"
#include "crypto/ca.h"
#include "mothership/blob_directory.h"
#include "mothership/control_plane.h"

#include <string>

namespace slipway::mothership {

/// What people are told about the server and what it puts into tokens.
struct ServerIdentity {
    std::string name;
    std::string version;
    std::string endpoint; ///< https://host:port, as clients reach it.
};

/// A new API key: the text for its owner and the record without it.
struct NewApiKey {
    Secret text; ///< slk_<ULID>_<hex of 256 bits>
    ApiKey record;
};

[[nodiscard]] NewApiKey make_api_key(std::string name, const Clock& clock, Random& random);

/// The REST API for people (docs/api.md). Its handlers are called from several threads.
class PeopleApi {
public:
    PeopleApi(ControlPlane& plane, const BlobDirectory& blobs, const crypto::CertificateAuthority& authority,
        ServerIdentity identity)
        : plane_{plane}
        , blobs_{blobs}
        , authority_{authority}
        , identity_{std::move(identity)}
    {
    }

    /// The router's handlers refer to this object.
    void add_routes(http::Router& router);

private:
    using Handle = Result<http::Reply> (PeopleApi::*)(const http::Request&);

    void add(http::Router& router, std::string_view method, std::string_view pattern, Handle handle,
        std::optional<std::uint64_t> body_limit = {});
    void add_run_routes(http::Router& router);

    /// The key that the request shows; nothing if it shows none that is good.
    Result<std::optional<ApiKey>> key_of(const http::Request& request);

    Result<std::optional<http::Reply>> refuse_stranger(const http::Request& request);

    Result<http::Reply> health();
    Result<http::Reply> session(const http::Request& request);
    Result<http::Reply> create_pool(const http::Request& request);
    Result<http::Reply> list_pools(const http::Request& request);
    Result<http::Reply> list_workers(const http::Request& request);
    Result<http::Reply> create_stack(const http::Request& request);
    Result<http::Reply> list_stacks(const http::Request& request);
    Result<http::Reply> show_stack(const http::Request& request);
    Result<http::Reply> change_stack(const http::Request& request);
    Result<http::SinkOrReply> upload_source(const http::Request& request);
    Result<http::Reply> put_file(const http::Request& request);
    Result<http::Reply> remove_file(const http::Request& request);
    Result<http::Reply> list_states(const http::Request& request);
    Result<http::Reply> read_state(const http::Request& request);
    Result<http::Reply> roll_back_state(const http::Request& request);
    Result<http::Reply> read_rescue(const http::Request& request);
    Result<http::Reply> read_outputs(const http::Request& request);
    Result<http::Reply> read_sealed_outputs(const http::Request& request);
    Result<http::Reply> create_run(const http::Request& request);
    Result<http::Reply> list_runs(const http::Request& request);
    Result<http::Reply> show_run(const http::Request& request);
    Result<http::Reply> confirm(const http::Request& request);
    Result<http::Reply> discard(const http::Request& request);
    Result<http::Reply> stop(const http::Request& request);
    Result<http::Reply> release(const http::Request& request);
    Result<http::Reply> declare_lost(const http::Request& request);
    Result<http::Reply> read_logs(const http::Request& request);

    /// Does `decide` to the run `{id}` and answers with it.
    Result<http::Reply> change_run(const http::Request& request, Result<void> (*decide)(Work&, Run&));

    ControlPlane& plane_;
    const BlobDirectory& blobs_;
    const crypto::CertificateAuthority& authority_;
    ServerIdentity identity_;
};

/// The 401 of a request without a good API key.
[[nodiscard]] http::Reply unknown_key_reply();

/// A whole number of the query within [0, max]; `fallback` if it is not there.
[[nodiscard]] Result<std::int64_t> query_number_or(
    const http::Request& request, std::string_view name, std::int64_t fallback, std::int64_t max);

/// The stack or the run `{id}` of the path; `not_found` names the command that lists them.
[[nodiscard]] Result<Stack> stack_of(Transaction& records, const http::Request& request);
[[nodiscard]] Result<Run> run_of(Transaction& records, const http::Request& request);
/// The stack as people see it.
[[nodiscard]] Result<std::string> stack_json(Transaction& records, const Stack& stack);
/// The run as people see it, with what it waits for.
[[nodiscard]] Result<std::string> run_json(Transaction& records, const Run& run);

} // namespace slipway::mothership
