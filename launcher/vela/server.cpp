#include "launcher/vela/server.h"

#include "common/base64.h"
#include "common/http/http_client.h"
#include "common/http/problem.h"
#include "common/http/url.h"
#include "common/json.h"
#include "launcher/vela/parse.h"

#include <mutex>

namespace slipway::vela {

namespace {

constexpr std::chrono::seconds kTimeout{15};
/// A log may be large: it may take a minute more.
constexpr std::chrono::seconds kLogTimeout{75};
constexpr std::size_t kKeptConnections = 4;
constexpr std::uint64_t kMaxAnswer = 96 * 1024 * 1024;

std::string segment(std::string_view text) { return http::percent_encode(text); }

std::string worker_path(std::string_view host) { return "/api/v1/workers/" + segment(host); }

std::string build_path(const BuildName& build)
{
    return "/api/v1/repos/" + segment(build.org) + "/" + segment(build.repo) + "/builds/"
        + std::to_string(build.number);
}

std::string container_path(const BuildName& build, ContainerKind kind, std::int64_t number)
{
    return build_path(build) + (kind == ContainerKind::step ? "/steps/" : "/services/")
        + std::to_string(number);
}

/// What the server says of its refusal; its errors are `{"error":"…"}`.
Error refusal(int status, std::string_view body)
{
    std::string words = "the server answered " + std::to_string(status);
    if (const auto document = JsonDocument::parse(body))
        if (auto said = document->root().string("error"))
            words = *std::move(said);
    return {http::code_of_status(status), std::move(words)};
}

std::string body_of(const WorkerRow& row)
{
    JsonWriter json;
    json.begin_object().field("hostname", row.hostname).field("address", row.address);
    if (!row.routes.empty() && !row.routes.front().empty() && row.routes.front() != "NONE")
        json.string_list("routes", row.routes);
    json.flag("active", row.active).field("status", row.status).field("build_limit", row.build_limit);
    json.end_object();
    return json.take();
}

std::string body_of(const WorkerUpdate& update)
{
    JsonWriter json;
    json.begin_object();
    if (update.row) {
        json.field("hostname", update.row->hostname).field("address", update.row->address);
        if (!update.row->routes.empty())
            json.string_list("routes", update.row->routes);
        json.flag("active", update.row->active).field("build_limit", update.row->build_limit);
    }
    json.field("status", update.status);
    for (const auto& [name, time] : {std::pair{"last_status_update_at", update.last_status_update_at},
             {"last_build_started_at", update.last_build_started_at},
             {"last_build_finished_at", update.last_build_finished_at}})
        if (time != 0)
            json.field(name, time);
    if (update.running_builds) {
        json.key("running_builds").begin_array();
        for (const auto id : *update.running_builds)
            json.begin_object().field("id", id).end_object();
        json.end_array();
    }
    json.end_object();
    return json.take();
}

std::string body_of(const ContainerRow& row, ContainerKind kind)
{
    JsonWriter json;
    json.begin_object().field("number", row.number).field("name", row.name).field("image", row.image);
    if (kind == ContainerKind::step)
        json.field("stage", row.stage).field("report_as", row.report_as);
    json.field("status", row.status).field("error", row.error).field("exit_code", row.exit_code);
    json.field("started", row.started).field("finished", row.finished);
    json.field("host", row.host).field("runtime", row.runtime).field("distribution", row.distribution);
    json.end_object();
    return json.take();
}

Result<ContainerRow> read_row(const std::string& text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text, {.max_bytes = kMaxItem, .max_depth = 64}));
    const JsonValue json = document.root();
    ContainerRow row;
    row.whole = text;
    for (auto& [name, into] :
        {std::pair{"id", &row.id}, {"number", &row.number}, {"exit_code", &row.exit_code},
            {"created", &row.created}, {"started", &row.started}, {"finished", &row.finished}})
        *into = SLIPWAY_TRY(json.integer_or(name, 0));
    for (auto& [name, into] : {std::pair{"name", &row.name}, {"image", &row.image}, {"stage", &row.stage},
             {"status", &row.status}, {"error", &row.error}, {"host", &row.host}, {"runtime", &row.runtime},
             {"distribution", &row.distribution}, {"report_as", &row.report_as}})
        *into = SLIPWAY_TRY(json.string_or(name, ""));
    return row;
}

Result<Secret> read_token(std::string& text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
    auto token = SLIPWAY_TRY(document.root().string("token"));
    wipe(text);
    if (token.empty())
        return Error{Errc::invalid_input, "the server gave an empty token"};
    return Secret::take(token);
}

Result<ScmToken> read_scm_token(std::string& text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
    ScmToken token;
    token.expiration = SLIPWAY_TRY(document.root().integer_or("expiration", 0));
    token.token = SLIPWAY_TRY(read_token(text));
    return token;
}

} // namespace

struct Server::Impl {
    ServerOptions options;
    std::string prefix; ///< Path of the server's address.
    std::mutex mutex;
    std::vector<std::unique_ptr<http::HttpClient>> idle;

    struct Call {
        std::string method;
        std::string path;
        http::ClientRequest::Body body;
        std::vector<std::pair<std::string, std::string>> headers;
        std::chrono::milliseconds timeout = kTimeout;
    };

    Result<std::unique_ptr<http::HttpClient>> borrow()
    {
        {
            const std::lock_guard lock{mutex};
            if (!idle.empty()) {
                auto client = std::move(idle.back());
                idle.pop_back();
                return client;
            }
        }
        auto client = SLIPWAY_TRY(http::HttpClient::create(
            {.base_url = options.url, .tls = http::TlsOptions{}, .user_agent = options.user_agent}));
        return std::make_unique<http::HttpClient>(std::move(client));
    }

    void give_back(std::unique_ptr<http::HttpClient> client)
    {
        const std::lock_guard lock{mutex};
        if (idle.size() < kKeptConnections)
            idle.push_back(std::move(client));
    }

    Result<std::string> call(const Secret& token, Call call, std::stop_token stop)
    {
        auto client = SLIPWAY_TRY(borrow());
        http::ClientRequest request{.method = std::move(call.method),
            .url = prefix + call.path,
            .headers = std::move(call.headers),
            .body = std::move(call.body),
            .timeout = call.timeout,
            .max_response_bytes = kMaxAnswer};
        request.headers.emplace_back("Authorization", "Bearer " + std::string{token.reveal()});
        request.headers.emplace_back("Content-Type", "application/json");
        auto answer = client->send(request, std::move(stop));
        for (auto& [name, value] : request.headers)
            wipe(value);
        if (!answer)
            return in("asking the server", std::move(answer)).error();
        give_back(std::move(client));
        if (!answer->ok())
            return refusal(answer->status, answer->body);
        return std::move(answer->body);
    }
};

Server::Server(std::unique_ptr<Impl> impl)
    : impl_{std::move(impl)}
{
}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::create(ServerOptions options)
{
    const auto url = SLIPWAY_TRY(in("the server's address", http::parse_url(options.url)));
    auto impl = std::make_unique<Impl>();
    impl->prefix = url.path;
    while (impl->prefix.ends_with('/'))
        impl->prefix.pop_back();
    impl->options = std::move(options);
    impl->options.url = url.origin();
    return std::unique_ptr<Server>{new Server{std::move(impl)}};
}

Result<std::optional<WorkerRow>> Server::worker(
    const Secret& token, std::string_view host, std::stop_token stop)
{
    const auto text = impl_->call(token, {.method = "GET", .path = worker_path(host)}, std::move(stop));
    if (!text && text.error().code() == Errc::not_found)
        return std::optional<WorkerRow>{};
    if (!text)
        return text.error();
    const auto document = SLIPWAY_TRY(JsonDocument::parse(*text, {.max_bytes = kMaxItem, .max_depth = 64}));
    const JsonValue json = document.root();
    WorkerRow row;
    row.hostname = SLIPWAY_TRY(json.string_or("hostname", ""));
    row.address = SLIPWAY_TRY(json.string_or("address", ""));
    row.routes = SLIPWAY_TRY(json.string_list("routes"));
    row.active = SLIPWAY_TRY(json.boolean_or("active", false)) == JsonValue::Boolean::yes;
    row.status = SLIPWAY_TRY(json.string_or("status", ""));
    row.build_limit = SLIPWAY_TRY(json.integer_or("build_limit", 0));
    return std::optional{std::move(row)};
}

Result<Secret> Server::add_worker(const Secret& token, const WorkerRow& row, std::stop_token stop)
{
    auto text = SLIPWAY_TRY(impl_->call(
        token, {.method = "POST", .path = "/api/v1/workers", .body = body_of(row)}, std::move(stop)));
    return read_token(text);
}

Result<Secret> Server::refresh(const Secret& token, std::string_view host, std::stop_token stop)
{
    auto text = SLIPWAY_TRY(
        impl_->call(token, {.method = "POST", .path = worker_path(host) + "/refresh"}, std::move(stop)));
    return read_token(text);
}

Result<void> Server::update_worker(
    const Secret& token, std::string_view host, const WorkerUpdate& update, std::stop_token stop)
{
    SLIPWAY_TRY(impl_->call(
        token, {.method = "PUT", .path = worker_path(host), .body = body_of(update)}, std::move(stop)));
    return {};
}

Result<QueueInfo> Server::queue_info(const Secret& token, std::stop_token stop)
{
    const auto text
        = SLIPWAY_TRY(impl_->call(token, {.method = "GET", .path = "/api/v1/queue/info"}, std::move(stop)));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
    return QueueInfo{.public_key = SLIPWAY_TRY(document.root().string_or("queue_public_key", "")),
        .address = SLIPWAY_TRY(document.root().string_or("queue_address", ""))};
}

Result<std::optional<Secret>> Server::build_token(
    const Secret& token, const BuildName& build, std::stop_token stop)
{
    auto text = impl_->call(token, {.method = "GET", .path = build_path(build) + "/token"}, std::move(stop));
    if (!text && (text.error().code() == Errc::conflict || text.error().code() == Errc::not_found))
        return std::optional<Secret>{};
    if (!text)
        return std::move(text).error();
    return std::optional{SLIPWAY_TRY(read_token(*text))};
}

Result<std::string> Server::executable(const Secret& token, const BuildName& build, std::stop_token stop)
{
    const auto text = SLIPWAY_TRY(
        impl_->call(token, {.method = "GET", .path = build_path(build) + "/executable"}, std::move(stop)));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text, {.max_bytes = kMaxAnswer, .max_depth = 8}));
    const auto data = SLIPWAY_TRY(document.root().string("data"));
    return in("the executable", base64_decode(data));
}

Result<Build> Server::build(const Secret& token, const BuildName& build, std::stop_token stop)
{
    return read_build(
        SLIPWAY_TRY(impl_->call(token, {.method = "GET", .path = build_path(build)}, std::move(stop))));
}

Result<Build> Server::update_build(const Secret& token, const Build& build, std::stop_token stop)
{
    return read_build(SLIPWAY_TRY(impl_->call(token,
        {.method = "PUT", .path = build_path(build.build_name()), .body = whole_build(build)},
        std::move(stop))));
}

Result<ContainerRow> Server::update_container(const Secret& token, const BuildName& build, ContainerKind kind,
    const ContainerRow& row, std::stop_token stop)
{
    const auto text = SLIPWAY_TRY(impl_->call(token,
        {.method = "PUT", .path = container_path(build, kind, row.number), .body = body_of(row, kind)},
        std::move(stop)));
    return read_row(text);
}

Result<void> Server::put_log(const Secret& token, const BuildName& build, ContainerKind kind,
    std::int64_t number, http::ClientRequest::Body log, std::stop_token stop)
{
    SLIPWAY_TRY(impl_->call(token,
        {.method = "PUT",
            .path = container_path(build, kind, number) + "/logs",
            .body = std::move(log),
            .timeout = kLogTimeout},
        std::move(stop)));
    return {};
}

Result<SecretValue> Server::secret(const Secret& token, const SecretPlace& place, std::stop_token stop)
{
    auto text = SLIPWAY_TRY(impl_->call(token,
        {.method = "GET",
            .path = "/api/v1/secrets/" + segment(place.engine) + "/" + segment(place.type) + "/"
                + segment(place.org) + "/" + (place.name == "*" ? "*" : segment(place.name)) + "/"
                + segment(place.key)},
        std::move(stop)));
    auto secret = read_secret(text);
    wipe(text);
    return secret;
}

Result<ScmToken> Server::refresh_scm_token(
    const Secret& token, const BuildName& build, const Secret& scm, std::stop_token stop)
{
    auto text = SLIPWAY_TRY(impl_->call(token,
        {.method = "GET",
            .path = build_path(build) + "/install_token",
            .headers = {{"Token", std::string{scm.reveal()}}}},
        std::move(stop)));
    return read_scm_token(text);
}

Result<ScmToken> Server::scm_token(
    const Secret& token, const BuildName& build, const GitToken& wanted, std::stop_token stop)
{
    JsonWriter json;
    json.begin_object().string_list("repositories", wanted.repositories);
    json.string_map("permissions", wanted.permissions).end_object();
    auto text = SLIPWAY_TRY(impl_->call(token,
        {.method = "POST", .path = build_path(build) + "/install_token", .body = json.take()},
        std::move(stop)));
    return read_scm_token(text);
}

Result<Secret> Server::id_request_token(
    const Secret& token, const BuildName& build, const Container& container, std::stop_token stop)
{
    std::vector<std::pair<std::string, std::string>> query{
        {"image", container.image}, {"request", container.id_request}};
    if (!container.commands.empty() || !container.entrypoint.empty())
        query.emplace_back("commands", "true");
    auto text = SLIPWAY_TRY(impl_->call(token,
        {.method = "GET", .path = build_path(build) + "/id_request_token?" + http::query_string(query)},
        std::move(stop)));
    return read_token(text);
}

Result<std::string> Server::upload_url(
    const Secret& token, const BuildName& build, std::string_view file, std::stop_token stop)
{
    const auto text = SLIPWAY_TRY(impl_->call(token,
        {.method = "PUT", .path = build_path(build) + "/storage/" + segment(file) + "/upload-url"},
        std::move(stop)));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
    return document.root().string("url");
}

Result<void> Server::validate_token(const Secret& token, std::stop_token stop)
{
    SLIPWAY_TRY(impl_->call(token, {.method = "GET", .path = "/validate-token"}, std::move(stop)));
    return {};
}

} // namespace slipway::vela
