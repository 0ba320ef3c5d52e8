#include "test/integration/mothership_fixture.h"

#include "common/file.h"
#include "crypto/token.h"

#include <stdexcept>

namespace slipway::test {

namespace {

constexpr std::chrono::seconds kPatience{30};

template <class T> T must(Result<T> result, std::string_view what)
{
    if (!result)
        throw std::runtime_error{std::string{what} + ": " + result.error().message()};
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

Answer answer_of(const http::ClientResponse& response)
{
    return {.status = response.status,
        .body = response.body,
        .next_offset = std::string{response.header("X-Slipway-Next-Offset").value_or("")},
        .complete = std::string{response.header("X-Slipway-Complete").value_or("")}};
}

http::ClientRequest request_of(const std::string& method, const std::string& path, const std::string& body)
{
    http::ClientRequest request;
    request.method = method;
    request.url = path;
    request.timeout = kPatience;
    if (!body.empty())
        request.body = body;
    return request;
}

Answer expect(Answer answer, int status, const std::string& what)
{
    if (answer.status != status)
        throw std::runtime_error{what + ": " + std::to_string(answer.status) + " " + answer.body};
    return answer;
}

} // namespace

std::string Answer::text(std::string_view key) const
{
    const auto document = must(JsonDocument::parse(body), body);
    return must(document.root().string(key), body);
}

std::int64_t Answer::number(std::string_view key) const
{
    const auto document = must(JsonDocument::parse(body), body);
    return must(document.root().integer(key), body);
}

RunningMothership::RunningMothership()
{
    must(run_program(
             {SLIPWAY_MOTHERSHIP, "init", "--data-dir", data(), "--endpoint", "https://127.0.0.1:8443"}),
        "init");
    ca_pem_ = must(read_file(data() / "ca.pem", 65536), "ca");
    admin_key_ = must(read_file(data() / "admin.key", 4096), "admin key");
    admin_key_.pop_back();
    start();
}

void RunningMothership::start()
{
    process_ = must(Process::start({.argv
                        = {SLIPWAY_MOTHERSHIP, "serve", "--data-dir", data(), "--listen", "127.0.0.1:0"},
                        .env = {},
                        .directory = {},
                        .log = directory_.path() / "stderr"}),
        "serve");
    const std::string line = must(process_->read_until("is ready", kPatience), "serve");
    const auto port = line.rfind(" port=");
    url_ = "https://127.0.0.1:" + line.substr(port + 6, line.find(' ', port + 1) - port - 6);
    client_ = client({}, {});
}

std::uint16_t RunningMothership::port() const
{
    return static_cast<std::uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1)));
}

http::HttpClient RunningMothership::client(
    const std::string& certificate_pem, const std::string& key_pem) const
{
    return must(http::HttpClient::create({.base_url = url_,
                    .tls = http::TlsOptions{.ca_pem = ca_pem_,
                        .client_certificate_pem = certificate_pem,
                        .client_key = Secret{key_pem}}}),
        "client");
}

Answer RunningMothership::api(const std::string& method, const std::string& path, const std::string& body,
    const std::optional<std::string>& key)
{
    auto request = request_of(method, path, body);
    const std::string shown = key.value_or(admin_key_);
    if (!shown.empty())
        request.headers.emplace_back("Authorization", "Bearer " + shown);
    request.max_response_bytes = 64 * 1024 * 1024;
    return answer_of(must(client_->send(request, {}), method + " " + path));
}

PoolCredentials RunningMothership::create_pool(const std::string& name)
{
    must(run_program({"openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/", "-keyout",
                         name + ".key", "-out", name + ".csr"},
             directory()),
        "openssl");
    JsonWriter json;
    json.begin_object().field("name", name);
    json.field("csr", must(read_file(directory() / (name + ".csr"), 65536), "csr")).end_object();
    const auto created = expect(api("POST", "/api/v1/pools", json.text()), 201, "pool");
    const auto token = must(crypto::decode_pool_token(created.text("token")), "token");
    return {.id = token.pool_ulid,
        .certificate_pem = token.certificate_pem,
        .key_pem = must(read_file(directory() / (name + ".key"), 65536), "key")};
}

void RunningMothership::create_stack(const std::string& name, const std::string& pool)
{
    const std::string body = R"({"name":")" + name + R"(","pool":")" + pool
        + R"(","runner_image":"runner:1","phases":{"plan":["plan"],"apply":["apply"]},"environment":{"A":"1"}})";
    expect(api("POST", "/api/v1/stacks", body), 201, "stack");
    must(replace_file(directory() / "main.conf", "x\n"), "source");
    const std::string tar = must(run_program({"tar", "-c", "main.conf"}, directory()), "tar");
    expect(api("PUT", "/api/v1/stacks/" + name + "/source", tar), 200, "source");
}

std::string RunningMothership::start_run(const std::string& stack)
{
    return expect(api("POST", "/api/v1/stacks/" + stack + "/runs", "{}"), 201, "run").text("id");
}

ScriptedWorker::ScriptedWorker(
    const RunningMothership& server, const PoolCredentials& pool, std::string instance)
    : pool_{pool}
    , instance_{std::move(instance)}
    , client_{server.client(pool.certificate_pem, pool.key_pem)}
{
}

void ScriptedWorker::reconnect(const RunningMothership& server)
{
    client_ = server.client(pool_.certificate_pem, pool_.key_pem);
}

Answer ScriptedWorker::enroll(const std::string& boot)
{
    const auto answer = call("POST", "/worker/v1/register",
        protocol::to_json(protocol::RegisterRequest{.instance_id = instance_,
            .boot_id = boot,
            .version = "1",
            .hostname = hostname,
            .metadata = {{"zone", "a"}},
            .process = process}));
    if (answer.status == 200)
        session = answer.text("session");
    return answer;
}

Answer ScriptedWorker::call(const std::string& method, const std::string& path, const std::string& body)
{
    auto request = request_of(method, path, body);
    if (!session.empty())
        request.headers.emplace_back("Authorization", "Bearer " + session);
    return answer_of(must(client_.send(request, {}), method + " " + path));
}

protocol::PollResponse ScriptedWorker::poll(
    protocol::Millis wait, int places, std::vector<protocol::HeldStage> held, std::int64_t number)
{
    const auto answer
        = expect(call("POST", "/worker/v1/poll",
                     protocol::to_json(protocol::PollRequest{
                         .held = std::move(held), .free_places = places, .wait = wait, .number = number})),
            200, "poll");
    return must(protocol::read_poll_response(answer.body), "poll");
}

protocol::Assignment ScriptedWorker::take_offer()
{
    auto answer = poll();
    if (answer.offers.size() != 1)
        throw std::runtime_error{std::to_string(answer.offers.size()) + " offers"};
    sequence_ = 0;
    return answer.offers.front();
}

std::string ScriptedWorker::path(const protocol::Assignment& stage, const std::string& call) const
{
    return "/worker/v1/stages/" + stage.stage_id + "/" + call;
}

Answer ScriptedWorker::accept(const protocol::Assignment& stage)
{
    return call("POST", path(stage, "accept"),
        protocol::to_json(protocol::AcceptRequest{.fence = stage.fence, .run_limit = 4'000'000}));
}

Answer ScriptedWorker::report(const protocol::Assignment& stage, protocol::StateReport report)
{
    report.fence = stage.fence;
    report.sequence = ++sequence_;
    return call("POST", path(stage, "state"), protocol::to_json(report));
}

Answer ScriptedWorker::log(const protocol::Assignment& stage, std::uint64_t offset, const std::string& bytes)
{
    return call("PUT",
        path(stage, "logs?fence=") + std::to_string(stage.fence.to_integer())
            + "&offset=" + std::to_string(offset),
        bytes);
}

Answer ScriptedWorker::put(
    const protocol::Assignment& stage, const std::string& name, const std::string& bytes)
{
    return call(
        "PUT", path(stage, "blobs/" + name) + "?fence=" + std::to_string(stage.fence.to_integer()), bytes);
}

Answer ScriptedWorker::get(const protocol::Assignment& stage, const std::string& name)
{
    return call("GET", path(stage, "blobs/" + name) + "?fence=" + std::to_string(stage.fence.to_integer()));
}

} // namespace slipway::test
