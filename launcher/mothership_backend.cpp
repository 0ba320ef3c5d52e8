#include "launcher/mothership_backend.h"

#include "common/http/problem.h"
#include "common/http/retry.h"
#include "common/http/url.h"
#include "common/json.h"

#include <optional>

namespace slipway::launcher {

namespace {

constexpr std::chrono::seconds kCallTimeout{15};
constexpr std::chrono::seconds kConnectAhead{3};
constexpr std::chrono::seconds kPollMargin{10};
constexpr std::chrono::seconds kLogTimeout{60};
constexpr std::chrono::seconds kStallTimeout{60};
constexpr std::chrono::minutes kDownloadTimeout{60};
/// The connections of a stage's two threads, of a poll, and one to spare; kept connected while nothing
/// happens.
constexpr std::size_t kKeptConnected = 4;
/// An upload may take a minute and a second more for each of these.
constexpr std::uint64_t kSlowestBytesPerSecond = 64 * 1024;
constexpr std::size_t kMaxPollBytes = 4 * protocol::kMaxAssignmentBytes;
constexpr std::uint64_t kMaxBlobBytes = 16ULL * 1024 * 1024 * 1024;

std::string stage_path(const StageRef& stage, std::string_view call)
{
    return std::string{protocol::kStagesPath} + http::percent_encode(stage.stage_id) + "/"
        + std::string{call};
}

std::string with_fence(std::string path, const StageRef& stage)
{
    return path + "?fence=" + std::to_string(stage.fence.to_integer());
}

/// Whether the other side refused our certificate, which comes as a TLS alert, and not we theirs. Told by the
/// TLS library's words alone: a URL or a host name may hold any word.
bool is_alert(const Error& error)
{
    const std::string_view text = error.message();
    return text.find("SSL routines::") != std::string_view::npos
        && text.find(" alert ", text.find("SSL routines::")) != std::string_view::npos;
}

Error error_of(const http::ClientResponse& response)
{
    const auto type = response.header("Content-Type").value_or("");
    const auto problem = http::decode_problem(response.status, type, response.body);
    // Too large now is too large for ever; 507 is what passes.
    return response.status == 413 ? Error{Errc::invalid_input, problem.error().message()} : problem.error();
}

Result<http::ClientResponse> expect_ok(Result<http::ClientResponse> response)
{
    if (!response || response->ok())
        return response;
    return error_of(*response);
}

Result<std::uint64_t> durable_of(std::string_view body)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(body));
    return static_cast<std::uint64_t>(SLIPWAY_TRY(document.root().integer("durable", 0)));
}

/// What an answer to a call about a stage means; success has no more to say than that.
Result<StageAnswer> stage_answer(const http::ClientResponse& response)
{
    if (response.ok())
        return StageAnswer{};
    if (response.status == 410)
        return StageAnswer{.kind = StageAnswer::Kind::gone};
    if (response.status == 409)
        if (const auto durable = durable_of(response.body))
            return StageAnswer{.kind = StageAnswer::Kind::not_yet, .lease = 0, .expected = *durable};
    return error_of(response);
}

Result<StageAnswer> lease_answer(const http::ClientResponse& response)
{
    auto answer = SLIPWAY_TRY(stage_answer(response));
    if (answer.kind == StageAnswer::Kind::ok)
        answer.lease = SLIPWAY_TRY(protocol::read_lease_answer(response.body)).lease;
    return answer;
}

} // namespace

MothershipBackend::MothershipBackend(MothershipOptions options)
    : options_{std::move(options)}
    , identity_{options_.identity}
{
}

Result<std::unique_ptr<MothershipBackend>> MothershipBackend::create(MothershipOptions options)
{
    std::unique_ptr<MothershipBackend> backend{new MothershipBackend{std::move(options)}};
    backend->idle_.push_back(SLIPWAY_TRY(backend->open(backend->identity_)));
    return backend;
}

void MothershipBackend::connect_ahead()
{
    http::ClientRequest request{.url = "/healthz", .headers = {}, .body = {}, .timeout = kConnectAhead};
    const std::lock_guard lock{mutex_};
    ahead_ = std::make_unique<PollCall>([this, request = std::move(request)](std::stop_token stop) {
        return exchange(Call::connect, request, std::move(stop));
    });
}

Result<void> MothershipBackend::replace_identity(MothershipIdentity identity)
{
    auto client = SLIPWAY_TRY(open(identity));
    const std::lock_guard lock{mutex_};
    identity_ = std::move(identity);
    ++identities_;
    idle_.clear();
    idle_.push_back(std::move(client));
    return {};
}

Result<http::HttpClient> MothershipBackend::open(const MothershipIdentity& identity) const
{
    return http::HttpClient::create({.base_url = options_.url,
        .tls = http::TlsOptions{.ca_pem = options_.ca_pem,
            .client_certificate_pem = identity.certificate_pem,
            .client_key = identity.private_key_pem},
        .unix_socket = {},
        .user_agent = options_.user_agent});
}

Result<void> MothershipBackend::wait_for_turn(Call call, std::stop_token stop)
{
    std::chrono::nanoseconds left{0};
    {
        const std::lock_guard lock{mutex_};
        if (const auto found = not_before_.find(call); found != not_before_.end())
            left = found->second - options_.clock.now();
    }
    if (left.count() > 0 && options_.clock.sleep_for(left, std::move(stop)) == Clock::Slept::stopped)
        return Error{Errc::cancelled, "stopped in the time that the server asked for"};
    return {};
}

void MothershipBackend::put_off(Call call, const http::ClientResponse& response)
{
    const auto header = response.header("Retry-After");
    const auto asked = header ? http::parse_retry_after(*header, options_.clock.wall()) : std::nullopt;
    if (response.ok() || !asked)
        return;
    const auto until = options_.clock.now() + http::next_delay({}, 1, asked, options_.random);
    const std::lock_guard lock{mutex_};
    not_before_[call] = until;
}

Result<http::ClientResponse> MothershipBackend::send(
    Call call, http::ClientRequest request, std::stop_token stop)
{
    SLIPWAY_TRY(wait_for_turn(call, stop));
    auto response = call == Call::enroll ? exchange(call, request, std::move(stop))
                                         : with_session(call, std::move(request), std::move(stop));
    if (response)
        put_off(call, *response);
    return response;
}

Result<http::ClientResponse> MothershipBackend::with_session(
    Call call, http::ClientRequest request, std::stop_token stop)
{
    const auto session = [this] {
        const std::lock_guard lock{mutex_};
        return session_;
    };
    const std::string used = session();
    if (!used.empty())
        request.headers.emplace_back("Authorization", "Bearer " + used);
    auto response = exchange(call, request, std::move(stop));
    if (response && response->status == 401 && session() != used)
        return Error{Errc::unreachable, "the session was renewed meanwhile"};
    return response;
}

std::optional<http::HttpClient> MothershipBackend::take_idle(Call call)
{
    const bool at_rest = call == Call::poll && quiet_;
    while (at_rest && idle_.size() > kKeptConnected)
        idle_.pop_front();
    if (idle_.size() < (at_rest ? kKeptConnected : 1))
        return {};
    if (at_rest) {
        http::HttpClient oldest = std::move(idle_.front());
        idle_.pop_front();
        return oldest;
    }
    http::HttpClient newest = std::move(idle_.back());
    idle_.pop_back();
    return newest;
}

Result<http::ClientResponse> MothershipBackend::exchange(
    Call call, const http::ClientRequest& request, std::stop_token stop)
{
    std::optional<http::HttpClient> client;
    MothershipIdentity identity;
    std::uint64_t shown = 0;
    {
        const std::lock_guard lock{mutex_};
        shown = identities_;
        client = take_idle(call);
        if (!client)
            identity = identity_;
    }
    if (!client)
        client.emplace(SLIPWAY_TRY(open(identity)));
    auto response = client->send(request, std::move(stop));
    {
        const std::lock_guard lock{mutex_};
        const std::size_t most = (2 * static_cast<std::size_t>(options_.capacity)) + 2;
        if (shown == identities_ && idle_.size() < most) {
            if (response)
                idle_.push_back(*std::move(client));
            else // its connection is closed
                idle_.push_front(*std::move(client));
        }
    }
    if (!response && response.error().code() == Errc::rejected && !is_alert(response.error()))
        return std::move(response).error().in(kServerNotTrusted);
    return response;
}

Result<http::ClientResponse> MothershipBackend::post(
    Call call, std::string path, std::string json, std::stop_token stop)
{
    http::ClientRequest request;
    request.method = "POST";
    request.url = std::move(path);
    request.headers = {{"Content-Type", "application/json"}};
    request.body = std::move(json);
    request.timeout = kCallTimeout;
    request.max_response_bytes = protocol::kMaxMessageBytes;
    return send(call, std::move(request), std::move(stop));
}

/// Without a session. The old one stays until there is a new one, so that a call under way can tell whether
/// it was refused before or after.
Result<protocol::RegisterResponse> MothershipBackend::enroll(
    const protocol::RegisterRequest& request, std::stop_token stop)
{
    const auto ahead = [this] {
        const std::lock_guard lock{mutex_};
        return std::move(ahead_);
    }();
    if (ahead)
        (void)ahead->wait(stop);
    const auto response = SLIPWAY_TRY(expect_ok(post(
        Call::enroll, std::string{protocol::kRegisterPath}, protocol::to_json(request), std::move(stop))));
    auto registered = SLIPWAY_TRY(protocol::read_register_response(response.body));
    const std::lock_guard lock{mutex_};
    session_ = registered.session;
    return registered;
}

/// A server that does not end it is not waited for with more than a few connections.
void MothershipBackend::leave(std::unique_ptr<PollCall> call)
{
    constexpr std::size_t most = 2;
    const std::lock_guard lock{left_mutex_};
    left_.push_back(std::move(call));
    std::erase_if(left_, [](const auto& one) { return one->over(); });
    while (left_.size() > most)
        left_.pop_front();
}

Result<protocol::PollResponse> MothershipBackend::poll(
    const protocol::PollRequest& request, std::stop_token stop)
{
    // Before it is on the way it ends with `stop`; then it is left.
    SLIPWAY_TRY(wait_for_turn(Call::poll, stop));
    if (stop.stop_requested())
        return Error{Errc::cancelled, "stopped"};
    http::ClientRequest message;
    message.method = "POST";
    message.url = protocol::kPollPath;
    message.headers = {{"Content-Type", "application/json"}};
    {
        const std::lock_guard lock{mutex_};
        auto numbered = request;
        numbered.number = ++polls_;
        message.body = protocol::to_json(numbered);
    }
    message.timeout = std::chrono::milliseconds{request.wait} + kPollMargin;
    message.max_response_bytes = kMaxPollBytes;
    auto call = std::make_unique<PollCall>([this, message = std::move(message)](std::stop_token end) {
        return expect_ok(send(Call::poll, message, std::move(end)));
    });
    const auto answered = call->wait(std::move(stop));
    if (!answered) {
        leave(std::move(call));
        return Error{Errc::cancelled, "stopped"};
    }
    const auto& response = *answered;
    auto answer = response ? protocol::read_poll_response(response->body) : response.error();
    {
        const std::lock_guard lock{mutex_};
        quiet_ = answer && answer->offers.empty() && answer->commands.empty() && answer->gone.empty();
    }
    if (answer && options_.debug)
        for (auto& offer : answer->offers)
            offer.debug = true;
    return answer;
}

Result<StageAnswer> MothershipBackend::accept(
    const StageRef& stage, protocol::Millis run_limit, std::stop_token stop)
{
    const protocol::AcceptRequest request{.fence = stage.fence, .run_limit = run_limit};
    return lease_answer(SLIPWAY_TRY(
        post(Call::accept, stage_path(stage, "accept"), protocol::to_json(request), std::move(stop))));
}

Result<void> MothershipBackend::decline(const StageRef& stage, std::string_view reason, std::stop_token stop)
{
    const protocol::DeclineRequest request{.fence = stage.fence, .reason = std::string{reason}};
    const auto response = SLIPWAY_TRY(
        post(Call::decline, stage_path(stage, "decline"), protocol::to_json(request), std::move(stop)));
    // Gone: nobody waits for the refusal any more.
    if (response.ok() || response.status == 410)
        return {};
    return error_of(response);
}

Result<StageAnswer> MothershipBackend::report(
    const StageRef& stage, const protocol::StateReport& report, std::stop_token stop)
{
    protocol::StateReport request = report;
    request.fence = stage.fence;
    return lease_answer(SLIPWAY_TRY(
        post(Call::report, stage_path(stage, "state"), protocol::to_json(request), std::move(stop))));
}

Result<StageAnswer> MothershipBackend::append_log(
    const StageRef& stage, std::uint64_t offset, std::string_view bytes, std::stop_token stop)
{
    http::ClientRequest request;
    request.method = "PUT";
    request.url = with_fence(stage_path(stage, "logs"), stage) + "&offset=" + std::to_string(offset);
    request.headers = {{"Content-Type", "application/octet-stream"}};
    request.body = std::string{bytes};
    request.timeout = kLogTimeout;
    request.max_response_bytes = protocol::kMaxMessageBytes;
    const auto response = SLIPWAY_TRY(send(Call::log, std::move(request), std::move(stop)));
    auto answer = SLIPWAY_TRY(stage_answer(response));
    if (answer.kind == StageAnswer::Kind::ok)
        answer.expected = SLIPWAY_TRY(protocol::read_log_answer(response.body)).durable;
    return answer;
}

Result<StageAnswer> MothershipBackend::upload_blob(
    const StageRef& stage, std::string_view name, int fd, std::uint64_t size, std::stop_token stop)
{
    http::ClientRequest request;
    request.method = "PUT";
    request.url = with_fence(stage_path(stage, "blobs/" + http::percent_encode(name)), stage);
    request.headers = {{"Content-Type", "application/octet-stream"}};
    request.body = http::ClientRequest::File{.fd = fd, .offset = 0, .length = size};
    request.timeout = kStallTimeout + std::chrono::seconds{size / kSlowestBytesPerSecond};
    request.stall_timeout = kStallTimeout;
    request.max_response_bytes = protocol::kMaxMessageBytes;
    return stage_answer(SLIPWAY_TRY(send(Call::blob, std::move(request), std::move(stop))));
}

Result<StageAnswer> MothershipBackend::download_blob(const StageRef& stage, std::string_view name,
    const std::function<Result<void>(std::string_view)>& sink, std::stop_token stop)
{
    http::ClientRequest request;
    request.url = with_fence(stage_path(stage, "blobs/" + http::percent_encode(name)), stage);
    request.timeout = kDownloadTimeout;
    request.stall_timeout = kStallTimeout;
    request.max_response_bytes = kMaxBlobBytes;
    request.on_data = sink;
    return stage_answer(SLIPWAY_TRY(send(Call::blob, std::move(request), std::move(stop))));
}

Result<void> MothershipBackend::sign_off(std::stop_token stop)
{
    http::ClientRequest request;
    request.method = "DELETE";
    request.url = protocol::kRegisterPath;
    request.timeout = kCallTimeout;
    const auto response = SLIPWAY_TRY(send(Call::sign_off, std::move(request), std::move(stop)));
    // A session that is over has left the pool already.
    if (response.ok() || response.status == 401 || response.status == 404)
        return {};
    return error_of(response);
}

} // namespace slipway::launcher
