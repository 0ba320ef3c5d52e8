#include "common/file.h"
#include "common/json.h"
#include "test/unit/vela/running_api.h"
#include "test/unit/vela/token_maker.h"

#include <catch2/catch.hpp>

#include <sstream>

using namespace slipway;
using namespace slipway::vela;
using namespace slipway::test;

namespace {

const std::string kBearer = "Bearer the-server's";

ExecutorView view(int id)
{
    return {.id = id, .build = R"({"id":61})", .repo = R"({"id":65})", .pipeline = R"({"id":"octo_1"})"};
}

/// The exchanges with a worker of Vela 0.28 that were recorded; of its pipelines nothing was kept.
std::vector<std::string> recorded()
{
    auto text = read_file(std::filesystem::path{SLIPWAY_TEST_DATA} / "worker_api.jsonl", 1024 * 1024);
    REQUIRE(text);
    std::vector<std::string> lines;
    std::istringstream in{*text};
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    REQUIRE(lines.size() == 3);
    return lines;
}

/// What runs in the recording.
void fill_as_recorded(RunningApi& api, const std::string& path, const std::string& body)
{
    if (path == "/api/v1/executors") {
        const auto document = JsonDocument::parse(body);
        const auto build = (*document->root().elements())[0].at("build")->dump();
        api.executors = {{.id = 0, .build = build, .repo = "{}", .pipeline = ""}};
    }
    api.cancel = [body](int executor, std::stop_token) -> Result<std::string> {
        if (executor != 0)
            return Error{Errc::not_found, "no such place"};
        return body;
    };
}

std::string error_of(const RawReply& reply)
{
    const auto document = JsonDocument::parse(reply.body);
    if (!document)
        return "no JSON: " + reply.body;
    auto text = document->root().string("error");
    return text ? *text : "no error: " + reply.body;
}

} // namespace

TEST_CASE("Each recorded exchange is answered as the original worker did")
{
    for (const auto& line : recorded()) {
        const auto document = JsonDocument::parse(line);
        REQUIRE(document);
        const auto exchange = document->root();
        const auto path = *exchange.string("path");
        CAPTURE(path);
        RunningApi api;
        fill_as_recorded(api, path, *exchange.string("body"));
        const auto reply = api.ask(*exchange.string("method"), path, *exchange.string("authorization"));
        CHECK(reply.status == *exchange.integer("status"));
        CHECK(JsonDocument::parse(reply.body)->root().dump()
            == JsonDocument::parse(*exchange.string("body"))->root().dump());
        const auto headers = *exchange.string_map("headers");
        for (const auto& [name, value] : headers) {
            CAPTURE(name);
            if (name == "Last-Modified")
                CHECK(header_of(reply.head, name) == header_of(reply.head, "Date"));
            else
                CHECK(header_of(reply.head, name) == value);
        }
        const std::string bearer = exchange.string("authorization")->substr(7);
        CHECK((path == "/register" ? api.tokens : api.validated) == std::vector<std::string>{bearer});
    }
}

TEST_CASE("Anyone may ask for health, version and metrics")
{
    RunningApi api;
    CHECK(api.ask("GET", "/health").body == "\"ok\"");
    CHECK(api.ask("HEAD", "/health").status == 200);
    CHECK(api.ask("GET", "/version").body == version_json("1.2.3"));
    CHECK(api.ask("GET", "/metrics").body == "slipway_up 1\n");
    CHECK(header_of(api.ask("GET", "/metrics").head, "Content-Type")
        == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(api.ask("GET", "/readyz").status == 200);
    api.not_ready = "the queue is away";
    const auto reply = api.ask("GET", "/readyz");
    CHECK(reply.status == 503);
    CHECK(error_of(reply) == "the queue is away");
    CHECK(api.ask("GET", "/health").status == 200);
    CHECK(api.validated.empty());
}

TEST_CASE("A registration is answered by what its token says")
{
    RunningApi api;
    const auto ask
        = [&api](const std::string& authorization) { return api.ask("POST", "/register", authorization); };
    for (const auto& bad : {std::string{}, std::string{"Bearer garbage"},
             "Bearer " + token_with(R"({"exp":1})"), "Basic " + token_with(R"({"sub":"vela-worker"})")}) {
        CAPTURE(bad);
        const auto reply = ask(bad);
        CHECK(reply.status == 401);
        CHECK(reply.body == "{}");
    }
    for (const std::string other : {"vela-worker2", "Vela-Worker", "vela-worker:8080"}) {
        const auto reply = ask("Bearer " + token_with(R"({"sub":")" + other + R"("})"));
        CHECK(reply.status == 401);
        CHECK(reply.body == "\"worker hostname is invalid\"");
    }
    CHECK(api.tokens.empty());
    const auto token = token_with(R"({"sub":"vela-worker","exp":1})");
    CHECK(ask("Bearer " + token).body == "\"successfully passed token to worker\"");
    CHECK(api.tokens == std::vector<std::string>{token});
    api.registered = Registered::already;
    CHECK(ask("Bearer " + token).status == 200);
    CHECK(ask("Bearer " + token).body == "\"this worker is registered already\"");
    api.registered = Registered::wrong_host;
    CHECK(ask("Bearer " + token).status == 401);
    CHECK(api.ask("GET", "/register").status == 405);
}

TEST_CASE("Only who has a token of the server's is told of builds, and nothing else is asked before")
{
    RunningApi api;
    int cancelled = 0;
    api.executors = {view(0)};
    api.cancel = [&cancelled](int, std::stop_token) -> Result<std::string> {
        ++cancelled;
        return std::string{"{}"};
    };

    struct Refusal {
        Result<void> valid;
        int status;
    };

    for (const std::pair<std::string, std::string> call :
        {std::pair{"GET", "/api/v1/executors"}, std::pair{"GET", "/api/v1/executors/0"},
            std::pair{"GET", "/api/v1/executors/0/build"}, std::pair{"GET", "/api/v1/executors/0/repo"},
            std::pair{"GET", "/api/v1/executors/0/pipeline"}, std::pair{"POST", "/api/v1/shutdown"},
            std::pair{"DELETE", "/api/v1/executors/0/build/cancel"}}) {
        CAPTURE(call.second);
        const auto none = api.ask(call.first, call.second);
        CHECK(none.status == 400);
        CHECK(error_of(none) == "error parsing token: no token provided in Authorization header");
        CHECK(api.ask(call.first, call.second, "Basic dTpw").status == 400);
        for (const auto& [valid, status] :
            {Refusal{Error{Errc::rejected, "no"}, 401}, Refusal{Error{Errc::unreachable, "away"}, 500},
                Refusal{Error{Errc::timed_out, "late"}, 500}}) {
            api.valid = valid;
            const auto reply = api.ask(call.first, call.second, kBearer);
            CHECK(reply.status == status);
            CHECK(reply.body.find("octo") == std::string::npos);
            CHECK(error_of(reply).find(valid.error().message()) != std::string::npos);
        }
    }
    CHECK(cancelled == 0);
}

TEST_CASE("The server sees what runs in each place")
{
    RunningApi api;
    CHECK(api.ask("GET", "/api/v1/executors", kBearer).body == "[]");
    api.executors = {view(0), {.id = 1, .build = {}, .repo = {}, .pipeline = {}}};
    CHECK(api.ask("GET", "/api/v1/executors", kBearer).body
        == R"([{"id":0,"runtime":"docker","distribution":"linux","build":{"id":61},"pipeline":{"id":"octo_1"}},)"
           R"({"id":1,"runtime":"docker","distribution":"linux"}])");
    CHECK(api.ask("GET", "/api/v1/executors/0", kBearer).body
        == R"({"runtime":"docker","distribution":"linux","build":{"id":61},"pipeline":{"id":"octo_1"}})");
    CHECK(api.ask("GET", "/api/v1/executors/0/build", kBearer).body == R"({"id":61})");
    CHECK(api.ask("GET", "/api/v1/executors/0/repo", kBearer).body == R"({"id":65})");
    CHECK(api.ask("GET", "/api/v1/executors/0/pipeline", kBearer).body == R"({"id":"octo_1"})");
    CHECK(api.ask("GET", "/api/v1/executors/1/build", kBearer).status == 400);
    for (const std::string index : {"2", "-1", "x", "0x", "99999999999999", "%30%00"}) {
        const auto reply = api.ask("GET", "/api/v1/executors/" + index, kBearer);
        CHECK(reply.status == 400);
        CHECK_FALSE(error_of(reply).empty());
    }
    CHECK(api.ask("POST", "/api/v1/shutdown", kBearer).status == 501);
}

TEST_CASE("A cancel answers the build once it has ended, or why not")
{
    RunningApi api;
    api.cancel = [](int executor, std::stop_token) -> Result<std::string> {
        if (executor == 0)
            return std::string{R"({"id":61,"status":"canceled"})"};
        if (executor == 1)
            return Error{Errc::unreachable, "the engine is away"};
        return Error{Errc::not_found, "no such place"};
    };
    const auto cancel = [&api](const std::string& index) {
        return api.ask("DELETE", "/api/v1/executors/" + index + "/build/cancel", kBearer);
    };
    CHECK(cancel("0").status == 200);
    CHECK(cancel("0").body == R"({"id":61,"status":"canceled"})");
    CHECK(cancel("1").status == 500);
    CHECK(error_of(cancel("1")).ends_with("the engine is away"));
    CHECK(cancel("2").status == 400);
    CHECK(cancel("x").status == 400);
}

TEST_CASE("What no path or method answers is told as JSON, and OPTIONS is answered everywhere")
{
    RunningApi api;
    for (const std::string path : {"/", "/nowhere", "/api/v1/executors/0/build/cancel", "/health"}) {
        const auto options = api.ask("OPTIONS", path);
        CHECK(options.status == 200);
        CHECK(options.body.empty());
        CHECK(header_of(options.head, "Allow").find("DELETE") != std::string::npos);
        CHECK(header_of(options.head, "Access-Control-Allow-Origin") == "*");
        CHECK(header_of(options.head, "Access-Control-Allow-Methods").find("DELETE") != std::string::npos);
        CHECK(header_of(options.head, "Access-Control-Allow-Headers").find("authorization")
            != std::string::npos);
    }
    const auto missing = api.ask("GET", "/nowhere");
    CHECK(missing.status == 404);
    CHECK(error_of(missing) == "nothing is at this path");
    CHECK(header_of(missing.head, "Content-Type") == "application/json; charset=utf-8");
    CHECK(header_of(missing.head, "X-Frame-Options") == "DENY");
    const auto wrong = api.ask("PUT", "/health");
    CHECK(wrong.status == 405);
    CHECK(error_of(wrong) == "this path does not answer that method");
    CHECK(header_of(wrong.head, "Allow") == "GET, HEAD");
}

TEST_CASE("The version object has the parts of a version")
{
    const auto document = JsonDocument::parse(version_json("1.22.333-rc.1+abc"));
    REQUIRE(document);
    const auto root = document->root();
    CHECK(*root.string("canonical") == "v1.22.333-rc.1+abc");
    CHECK(*root.integer("major") == 1);
    CHECK(*root.integer("minor") == 22);
    CHECK(*root.integer("patch") == 333);
    CHECK(*root.string("pre_release") == "rc.1");
    CHECK(*root.at("metadata")->string("operating_system") == "linux");
    CHECK(version_json("0.1.0").find("pre_release") == std::string::npos);
    CHECK(version_json("0.1.0").starts_with(R"({"canonical":"v0.1.0","major":0,"minor":1,"patch":0,)"));
}
