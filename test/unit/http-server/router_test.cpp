#include "common/http/router.h"

#include <catch2/catch.hpp>

using namespace slipway::http;

namespace {

// The text that the found handler answers, or the status of the refusal.
std::string answer(const Router& router, std::string_view method, std::string_view path)
{
    const auto found = router.find(method, *parse_target(path));
    if (const auto* refusal = std::get_if<Reply>(&found))
        return std::to_string(refusal->status);
    const auto& match = std::get<Router::Match>(found);
    Request request;
    request.parameters = match.parameters;
    return std::get<std::string>(match.route->handler(request)->body);
}

Handler says(std::string text)
{
    return [text](const Request& request) {
        return Reply::text(200, text + std::string{request.parameter("id")});
    };
}

} // namespace

TEST_CASE("A name in a pattern takes one segment that is not empty")
{
    Router router;
    router.add("GET", "/stages/{id}/logs", says("logs "));
    CHECK(answer(router, "GET", "/stages/7/logs") == "logs 7");
    CHECK(answer(router, "GET", "/stages/a%2Fb/logs") == "logs a/b");
    CHECK(answer(router, "GET", "/stages//logs") == "404");
    CHECK(answer(router, "GET", "/stages/7/logs/") == "404");
    CHECK(answer(router, "GET", "/stages/7") == "404");
}

TEST_CASE("A literal segment wins over a name, whichever was added first")
{
    Router router;
    router.add("GET", "/runs/{id}", says("run "));
    router.add("GET", "/runs/latest", says("latest"));
    router.add("DELETE", "/runs/{id}", says("gone "));
    CHECK(answer(router, "GET", "/runs/latest") == "latest");
    CHECK(answer(router, "GET", "/runs/8") == "run 8");
    CHECK(answer(router, "DELETE", "/runs/latest") == "gone latest");
}

TEST_CASE("HEAD is answered by the GET route and other methods get 405 with the list")
{
    Router router;
    router.add("GET", "/a", says("a"));
    router.add("POST", "/a", says("b"));
    CHECK(answer(router, "HEAD", "/a") == "a");
    const auto found = router.find("PUT", *parse_target("/a"));
    REQUIRE(std::holds_alternative<Reply>(found));
    const auto& reply = std::get<Reply>(found);
    CHECK(reply.status == 405);
    CHECK(reply.headers.back() == std::pair<std::string, std::string>{"Allow", "GET, HEAD, POST"});
    CHECK(answer(router, "get", "/a") == "405");
}

TEST_CASE("A prefix that needs a client certificate covers what lies below it only")
{
    Router router;
    router.require_client_certificate("/worker/");
    CHECK(router.needs_client_certificate("/worker/v1/poll"));
    CHECK(router.needs_client_certificate("/worker/"));
    CHECK_FALSE(router.needs_client_certificate("/workers"));
    CHECK_FALSE(router.needs_client_certificate("/api/worker/"));
}
