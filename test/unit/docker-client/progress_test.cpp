#include "docker-client/parse.h"

#include <catch2/catch.hpp>

namespace slipway::docker {

namespace {

Result<std::vector<PullProgress>> read(std::string_view bytes, std::size_t piece)
{
    std::vector<PullProgress> lines;
    ProgressReader reader{[&lines](const PullProgress& line) -> Result<void> {
        lines.push_back(line);
        return {};
    }};
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        SLIPWAY_TRY(reader.feed(bytes.substr(at, piece)));
    SLIPWAY_TRY(reader.finish());
    return lines;
}

} // namespace

TEST_CASE("progress is read line by line however it is split", "[docker]")
{
    const std::size_t piece = GENERATE(range(std::size_t{1}, std::size_t{60}));
    const auto lines
        = read("{\"status\":\"Pulling from x\",\"id\":\"latest\"}\r\n\r\n"
               "{\"status\":\"Downloading\",\"id\":\"abc\",\"progressDetail\":{\"current\":5,\"total\":10}}\n"
               "{\"status\":\"Done\",\"progressDetail\":{}}",
            piece);
    REQUIRE(lines);
    REQUIRE(lines->size() == 3);
    CHECK((*lines)[0].id == "latest");
    CHECK_FALSE((*lines)[0].current);
    CHECK((*lines)[1].status == "Downloading");
    CHECK((*lines)[1].current == 5);
    CHECK((*lines)[1].total == 10);
    CHECK((*lines)[2].status == "Done");
}

TEST_CASE("an error in the progress is the pull's error", "[docker]")
{
    const auto [text, code] = GENERATE(table<std::string, Errc>({
        {R"({"error":"net down"})", Errc::unreachable},
        {R"({"errorDetail":{"message":"net down"},"error":"net down"})", Errc::unreachable},
        {R"({"errorDetail":{"code":401,"message":"net down"}})", Errc::rejected},
        {R"({"errorDetail":{"code":500,"message":"net down"}})", Errc::internal},
    }));
    const auto lines = read("{\"status\":\"x\"}\n" + text + "\n{\"status\":\"y\"}\n", 1000);
    REQUIRE_FALSE(lines);
    CHECK(lines.error().code() == code);
    CHECK(lines.error().message() == "net down");
}

TEST_CASE("progress that is no JSON, or a line without end, is refused", "[docker]")
{
    CHECK(read("{\"status\":\n", 5).error().code() == Errc::invalid_input);
    CHECK(read("[]\n", 5).error().code() == Errc::invalid_input);
    CHECK(read(std::string(ProgressReader::kMaxLine + 1, ' '), 1000).error().code() == Errc::exhausted);
}

TEST_CASE("an image reference is split into name and tag", "[docker]")
{
    const auto [text, name, tag] = GENERATE(table<std::string, std::string, std::string>({
        {"alpine", "alpine", "latest"},
        {"alpine:3", "alpine", "3"},
        {"r.example:5000/a/b", "r.example:5000/a/b", "latest"},
        {"r.example:5000/a/b:1.2", "r.example:5000/a/b", "1.2"},
        {"a@sha256:12", "a", "sha256:12"},
        {"r:5000/a:1@sha256:12", "r:5000/a", "sha256:12"},
    }));
    const ImageName image = split_image(text);
    CHECK(image.name == name);
    CHECK(image.tag == tag);
}

TEST_CASE("the engine's own failure is told apart from its being away", "[docker]")
{
    CHECK(code_of_answer(404) == Errc::not_found);
    CHECK(code_of_answer(409) == Errc::conflict);
    CHECK(code_of_answer(500) == Errc::internal);
    CHECK(code_of_answer(503) == Errc::unreachable);
}

} // namespace slipway::docker
