#include "test/support/vela_server.h"

#include "common/base64.h"
#include "common/clock.h"
#include "common/http/http_server.h"
#include "common/log.h"
#include "test/support/vela_state.h"

#include <stdexcept>
#include <thread>

namespace slipway::test {

namespace {

std::int64_t now()
{
    return std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch())
        .count();
}

VelaRow build_row(const VelaBuildOptions& options, std::int64_t id)
{
    if (!options.row.empty())
        return VelaRow{options.row}.set("id", id);
    VelaRow repo;
    repo.set("id", id).set("owner", R"({"id":3,"name":"octo","active":true})");
    repo.set_text("org", options.org).set_text("name", options.repo);
    repo.set_text("full_name", options.org + "/" + options.repo).set_text("branch", "main");
    repo.set("timeout", options.timeout).set("active", std::string{"true"});
    VelaRow row;
    row.set("id", id).set("repo", repo.dump()).set("number", options.number);
    row.set_text("event", options.event).set_text("status", "pending").set_text("error", "");
    row.set("created", now()).set("started", 0).set("finished", 0).set_text("branch", "main");
    row.set_text("host", "").set_text("route", "vela").set_text("runtime", "");
    return row.set_text("distribution", "");
}

void add_containers(VelaState& state, std::map<std::int64_t, VelaContainer>& into, const JsonValue& holder,
    std::string_view list, std::int64_t build_id, std::string_view stage)
{
    const auto found = holder.find(list);
    if (!found || !*found)
        return;
    for (const auto& container : (*found)->elements().value_or(std::vector<JsonValue>{})) {
        VelaRow row;
        row.set("id", state.next_id++).set("build_id", build_id).set("repo_id", build_id);
        row.set("number", container.integer_or("number", 0).value_or(0));
        row.set_text("name", container.string_or("name", "").value_or(""));
        row.set_text("image", container.string_or("image", "").value_or(""));
        if (list == "steps")
            row.set_text("stage", stage);
        row.set_text("status", "pending").set_text("error", "").set("exit_code", 0).set("created", now());
        row.set("started", 0).set("finished", 0).set_text("host", "").set_text("runtime", "");
        row.set_text("distribution", "");
        if (list == "steps")
            row.set_text("report_as", container.string_or("report_as", "").value_or(""));
        const auto number = row.number("number");
        into[number] = {.row = std::move(row), .log = ""};
    }
}

const VelaBuild& find(const VelaState& state, const std::string& build)
{
    const auto found = state.builds.find(build);
    if (found == state.builds.end())
        throw std::runtime_error{"there is no build " + build};
    return found->second;
}

} // namespace

struct VelaServer::Impl {
    VelaState state;
    SystemClock clock;
    LogSink sink{2, LogFormat::logfmt, LogLevel::error, clock};
    http::Topics topics;
    std::unique_ptr<http::Server> server;
    std::jthread thread;
};

VelaServer::VelaServer(VelaServerOptions options)
    : impl_{std::make_unique<Impl>()}
{
    impl_->state.options = std::move(options);
    auto server = http::Server::listen(
        {.address = impl_->state.options.address, .limits = {.body_bytes = 96UL * 1024 * 1024}},
        vela_routes(impl_->state), impl_->topics, Logger{impl_->sink});
    if (!server)
        throw std::runtime_error{server.error().message()};
    impl_->server = *std::move(server);
    impl_->state.url = "http://" + impl_->state.options.address + ":" + std::to_string(impl_->server->port());
    impl_->thread
        = std::jthread{[impl = impl_.get()](const std::stop_token& stop) { impl->server->run(stop); }};
}

VelaServer::~VelaServer() = default;

std::string VelaServer::url() const { return impl_->state.url; }

std::string VelaServer::add_build(std::string_view pipeline, const VelaBuildOptions& options)
{
    auto& state = impl_->state;
    const auto document = JsonDocument::parse(pipeline, {.max_bytes = 64UL * 1024 * 1024, .max_depth = 64});
    if (!document)
        throw std::runtime_error{document.error().message()};
    const auto root = document->root();
    const std::lock_guard lock{state.mutex};
    const auto id = state.next_id++;
    VelaBuild build{
        .row = build_row(options, id), .executable = std::string{pipeline}, .steps = {}, .services = {}};
    add_containers(state, build.steps, root, "steps", id, "");
    add_containers(state, build.services, root, "services", id, "");
    if (const auto stages = root.find("stages"); stages && *stages)
        for (const auto& stage : (*stages)->elements().value_or(std::vector<JsonValue>{}))
            add_containers(state, build.steps, stage, "steps", id, stage.string_or("name", "").value_or(""));
    const auto message = R"({"item_version":)" + std::to_string(options.item_version) + R"(,"build":)"
        + build.row.dump() + "}";
    build.row.set("enqueued", now()); // the row says so, not what was pushed
    state.builds[options.org + "/" + options.repo + "/" + std::to_string(options.number)] = std::move(build);
    return (state.options.sign ? state.options.sign(message) : "") + message;
}

void VelaServer::add_secret(const std::string& path, std::string json)
{
    const std::lock_guard lock{impl_->state.mutex};
    impl_->state.secrets[path] = std::move(json);
}

VelaAnswer VelaServer::cancel(const std::string& build)
{
    static_cast<void>(this->build(build));
    return vela_cancel(impl_->state, build);
}

void VelaServer::replace_pending(const std::string& build)
{
    static_cast<void>(this->build(build));
    vela_replace_pending(impl_->state, build);
}

void VelaServer::at(VelaMoment moment, std::string method, std::string end, std::function<void()> action)
{
    const std::lock_guard lock{impl_->state.mutex};
    impl_->state.hooks.push_back({moment, std::move(method), std::move(end), std::move(action)});
}

void VelaServer::set_outage(VelaOutage outage)
{
    const std::lock_guard lock{impl_->state.mutex};
    impl_->state.outage = outage;
    impl_->topics.notify("outage");
}

std::string VelaServer::register_token(const std::string& host) const
{
    return impl_->state.tokens.mint(
        {.kind = "WorkerRegister", .subject = host, .repo = ""}, impl_->state.options.register_lifetime);
}

std::string VelaServer::server_token() const { return impl_->state.server_token(); }

std::string VelaServer::token_kind(std::string_view token) const
{
    const auto claims = impl_->state.claims(token);
    return claims ? claims->kind : "";
}

VelaRow VelaServer::build(const std::string& build) const
{
    const std::lock_guard lock{impl_->state.mutex};
    return find(impl_->state, build).row;
}

VelaRow VelaServer::step(const std::string& build, std::int64_t number) const
{
    const std::lock_guard lock{impl_->state.mutex};
    return find(impl_->state, build).steps.at(number).row;
}

VelaRow VelaServer::service(const std::string& build, std::int64_t number) const
{
    const std::lock_guard lock{impl_->state.mutex};
    return find(impl_->state, build).services.at(number).row;
}

std::string VelaServer::step_log(const std::string& build, std::int64_t number) const
{
    const std::lock_guard lock{impl_->state.mutex};
    return base64_decode(find(impl_->state, build).steps.at(number).log).value_or("(no base64)");
}

std::string VelaServer::service_log(const std::string& build, std::int64_t number) const
{
    const std::lock_guard lock{impl_->state.mutex};
    return base64_decode(find(impl_->state, build).services.at(number).log).value_or("(no base64)");
}

std::optional<VelaRow> VelaServer::worker(const std::string& host) const
{
    const std::lock_guard lock{impl_->state.mutex};
    const auto found = impl_->state.workers.find(host);
    return found == impl_->state.workers.end() ? std::nullopt : std::optional{found->second};
}

std::optional<std::string> VelaServer::object(const std::string& key) const
{
    const std::lock_guard lock{impl_->state.mutex};
    const auto found = impl_->state.objects.find(key);
    return found == impl_->state.objects.end() ? std::nullopt : std::optional{found->second};
}

std::vector<VelaRequest> VelaServer::requests() const
{
    const std::lock_guard lock{impl_->state.mutex};
    return impl_->state.requests;
}

bool VelaServer::wait_for(const std::function<bool()>& condition, std::chrono::milliseconds at_most) const
{
    const auto end = std::chrono::steady_clock::now() + at_most;
    for (;;) {
        const auto seen = requests().size();
        if (condition())
            return true;
        std::unique_lock lock{impl_->state.mutex};
        if (!impl_->state.changed.wait_until(lock, end, [&] { return impl_->state.requests.size() != seen; }))
            return false;
    }
}

} // namespace slipway::test
