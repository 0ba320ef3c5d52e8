#include "launcher/vela/path_match.h"

#include <catch2/catch.hpp>

using namespace slipway::vela;

TEST_CASE("patterns match names as Go's path.Match does")
{
    struct Row {
        std::string pattern;
        std::string name;
        bool matches;
    };

    for (const auto& [pattern, name, matches] : std::vector<Row>{
             {"", "", true},
             {"", "a", false},
             {"main", "main", true},
             {"main", "mainly", false},
             {"main", "domain", false},
             {"*", "", true},
             {"*", "main", true},
             {"*", "a/b", false},
             {"*/*", "a/b", true},
             {"release/*", "release/1.2", true},
             {"release/*", "release/1/2", false},
             {"**", "a/b", false},
             {"v*.*.*", "v1.2.3", true},
             {"v*.*.*", "v1.2", false},
             {"*a*a*a", "banana", true},
             {"*a*a*a*a", "banana", false},
             {"?", "ü", true},
             {"?", "/", false},
             {"?", "", false},
             {"[a-c]x", "bx", true},
             {"[a-c]x", "dx", false},
             {"[^a-c]x", "dx", true},
             {"[^a-c]x", "bx", false},
             {"a[^b]c", "a/c", true},
             {"[ä-ü]", "ö", true},
             {"[c-a]", "b", false},
             {R"([\]]\*\\)", R"(]*\)", true},
             {R"([\-x])", "-", true},
             {"pull_request*", "pull_request:opened", true},
         }) {
        CAPTURE(pattern, name);
        const auto result = path_match(pattern, name);
        REQUIRE(result);
        CHECK((*result == Matches::yes) == matches);
    }
}

TEST_CASE("a malformed pattern is refused, even where the name differs before")
{
    for (const std::string pattern :
        {"[", "[]", "[^]", "[a", "[a-", "[a-]", "[-a]", "[]a]", "zzz[", "a\\", "[\\", "[\xff]"}) {
        CAPTURE(pattern);
        const auto result = path_match(pattern, "a");
        REQUIRE_FALSE(result);
        CHECK(result.error().code() == slipway::Errc::invalid_input);
        CHECK(result.error().message().find("syntax error in pattern") != std::string::npos);
    }
}

TEST_CASE("a hostile pattern ends")
{
    std::string pattern;
    for (int i = 0; i < 500; ++i)
        pattern += "*a";
    const auto result = path_match(pattern + "b", std::string(5000, 'a'));
    REQUIRE(result);
    CHECK(*result == Matches::no);
}

TEST_CASE("an image may run privileged when a pattern names it")
{
    const std::string digest = "@sha256:" + std::string(64, 'a');

    struct Row {
        std::string image;
        std::string pattern;
        bool privileged;
    };

    for (const auto& [image, pattern, privileged] : std::vector<Row>{
             {"target/vela-docker", "target/vela-docker:latest", true},
             {"target/vela-docker", "target/vela-docker", true},
             {"docker.io/target/vela-docker:1", "target/vela-docker", true},
             {"target/vela-docker:1", "target/vela-docker:2", false},
             {"target/vela-docker:1", "target/*", true},
             {"target/vela-docker:1", "target", false},
             {"docker.io/library/alpine:3", "alpine:*", true},
             {"alpine", "library/alpine", false},
             {"evil.test/target/vela-docker", "target/vela-docker", false},
             {"127.0.0.1:5000/lab/busy:1", "127.0.0.1:5000/lab/*", true},
             {"target/vela-docker:1" + digest, "target/vela-docker:1", false},
             {"target/vela-docker" + digest, "target/vela-docker:*", false},
             {"target/vela-docker" + digest, "target/vela-docker", true},
         }) {
        CAPTURE(image, pattern);
        const auto result = is_privileged(image, {"none", pattern});
        REQUIRE(result);
        CHECK((*result == Matches::yes) == privileged);
    }
    CHECK_FALSE(is_privileged("No Image", {"*"}));
    CHECK_FALSE(is_privileged("alpine", {"["}));
    CHECK(*is_privileged("alpine", {}) == Matches::no);
}
