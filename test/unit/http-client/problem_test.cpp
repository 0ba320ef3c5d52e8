#include "common/http/problem.h"

#include <catch2/catch.hpp>

namespace slipway::http {

TEST_CASE("a problem survives encoding and decoding", "[http]")
{
    const Problem sent{409, "https://example.org/fence", "Older fence", "stage 7 has fence 3", "/stages/7"};
    const Problem read = decode_problem(409, "application/problem+json; charset=utf-8", encode_problem(sent));
    CHECK(read.status == sent.status);
    CHECK(read.type == sent.type);
    CHECK(read.title == sent.title);
    CHECK(read.detail == sent.detail);
    CHECK(read.instance == sent.instance);
}

TEST_CASE("a problem's error reads status, title and detail", "[http]")
{
    const Error error
        = decode_problem(410, "Application/Problem+JSON", R"({"detail":"the stage moved on"})").error();
    CHECK(error.code() == Errc::rejected);
    CHECK(error.message() == "410 Gone: the stage moved on");
}

TEST_CASE("the status of the response counts, not the one in the body", "[http]")
{
    CHECK(decode_problem(404, kProblemContentType, R"({"status":200})").status == 404);
}

TEST_CASE("a body that is no problem gives the status' own words", "[http]")
{
    const auto [type, body] = GENERATE(table<std::string, std::string>({
        {"text/html", "<h1>oops</h1>"},
        {"application/json", R"({"detail":"x"})"},
        {"", R"({"detail":"x"})"},
        {"application/problem+json", "{"},
        {"application/problem+json", "[]"},
        {"application/problem+json", R"({"title":1,"detail":[]})"},
        {"application/problem+json", R"({"detail":")" + std::string(70'000, 'x') + "\"}"},
    }));
    const Problem problem = decode_problem(503, type, body);
    CHECK(problem.error().message() == "503 Service Unavailable");
    CHECK(problem.error().code() == Errc::unreachable);
}

TEST_CASE("control characters in a problem become spaces", "[http]")
{
    CHECK(decode_problem(400, kProblemContentType, R"({"detail":"a\u001b[31m\nb"})").detail == "a [31m b");
}

TEST_CASE("each status has the code its caller acts on", "[http]")
{
    CHECK(code_of_status(400) == Errc::invalid_input);
    CHECK(code_of_status(401) == Errc::rejected);
    CHECK(code_of_status(403) == Errc::rejected);
    CHECK(code_of_status(404) == Errc::not_found);
    CHECK(code_of_status(408) == Errc::timed_out);
    CHECK(code_of_status(409) == Errc::conflict);
    CHECK(code_of_status(410) == Errc::rejected);
    CHECK(code_of_status(412) == Errc::conflict);
    CHECK(code_of_status(413) == Errc::exhausted);
    CHECK(code_of_status(422) == Errc::invalid_input);
    CHECK(code_of_status(429) == Errc::unreachable);
    CHECK(code_of_status(500) == Errc::unreachable);
    CHECK(code_of_status(503) == Errc::unreachable);
    CHECK(code_of_status(507) == Errc::exhausted);
}

TEST_CASE("empty members of a problem are left out", "[http]")
{
    CHECK(
        encode_problem({404, "about:blank", "Not Found", "", ""}) == R"({"title":"Not Found","status":404})");
}

} // namespace slipway::http
