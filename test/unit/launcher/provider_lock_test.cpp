#include "launcher/provider_cache/lock_file.h"

#include <catch2/catch.hpp>

using namespace slipway;
using namespace slipway::launcher;
using Catch::Matchers::Contains;

namespace {

const std::string kZeroes(64, '0');
constexpr auto kHash = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

std::string block(std::string_view body, std::string_view source = "registry.opentofu.org/hashicorp/null")
{
    return "provider \"" + std::string{source} + "\" {\n" + std::string{body} + "\n}\n";
}

std::string refusal_of(const std::string& text)
{
    const auto read = parse_lock_file(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code() == Errc::invalid_input);
    return read.error().message();
}

} // namespace

TEST_CASE("a lock file as the programs write it gives its providers and their hashes of scheme h1")
{
    const auto read = parse_lock_file(
        "# This file is maintained automatically by \"tofu init\".\n# Manual edits may be lost.\n\n"
        + block("  version     = \"3.2.1\"\n  constraints = \"~> 3.0, != 3.1.0\"\n  hashes = [\n    \""
            + std::string{kHash}
            + "\",\n    \"zh:0123\",\n    \"h1://///////////////////////////////////////"
              "/8=\",\n  ]")
        + block("version = \"1.0.0-rc1+x\"", "example.com:8443/team/own_thing"));
    REQUIRE(read);
    REQUIRE(read->size() == 2);
    CHECK(read->at(0).source == "registry.opentofu.org/hashicorp/null");
    CHECK(read->at(0).version == "3.2.1");
    CHECK(read->at(0).hashes == std::vector<std::string>{kZeroes, std::string(64, 'f')});
    CHECK(read->at(1).source == "example.com:8443/team/own_thing");
    CHECK(read->at(1).hashes.empty());
    for (const auto* nothing : {"", "/* nothing */ // here\n", "# here"}) {
        const auto none = parse_lock_file(nothing);
        REQUIRE(none);
        CHECK(none->empty());
    }
}

TEST_CASE("what a later version writes into a lock file beside that is passed over")
{
    const auto read
        = parse_lock_file("module \"a\" \"b\" {\n  version = \"1\"\n}\nsettings {\n  x = [\"y\"]\n}\n"
            + block("version = \"1.0.0\" /* one */\nextra \"label\" {\n version = \"2\"\n}\nhashes = [\""
                + std::string{kHash} + "\"]"));
    REQUIRE(read);
    REQUIRE(read->size() == 1);
    CHECK(read->front().version == "1.0.0");
    CHECK(read->front().hashes.size() == 1);
}

TEST_CASE("no name of a lock file leads out of a directory")
{
    for (const auto* source : {"../../etc", "a/b", "a/b/c/d", "a//c", "/a/b", "a/../c", ".a/b/c", "a/b/", "",
             "a b/c/d", "a/b/c\x01"})
        CHECK_THAT(refusal_of(block("version = \"1\"", source)), Contains("line 1"));
    CHECK_THAT(refusal_of(block("version = \"1\"", std::string(201, 'a') + "/b/c")), Contains("address"));
    for (const auto* version : {"..", "../1", "1/2", "", ".1", "1 2"})
        CHECK_THAT(refusal_of(block("version = \"" + std::string{version} + "\"")), Contains("line 2"));
    CHECK_THAT(refusal_of(block("version = [\"1\"]")), Contains("version"));
}

TEST_CASE("a lock file that is broken is refused with the line")
{
    CHECK_THAT(refusal_of("provider \"a/b/c\" {\n version = \"1\"\n"), Contains("line 3"));
    CHECK_THAT(refusal_of(block("hashes = [\"h1:short\"]\nversion = \"1\"")), Contains("SHA-256"));
    CHECK_THAT(refusal_of(block("hashes = \"h1:AAAA\"")), Contains("no list"));
    CHECK_THAT(refusal_of(block("hashes = [\"a\" \"b\"]")), Contains("comma"));
    CHECK_THAT(refusal_of(block("version = \"${x}\"")), Contains("template"));
    CHECK_THAT(refusal_of(block("version = \"1\\n\"")), Contains("escapes"));
    CHECK_THAT(refusal_of(block("version = 1")), Contains("string"));
    CHECK_THAT(refusal_of(block("constraints = \"1\"")), Contains("no version"));
    CHECK_THAT(refusal_of("provider {\n}\n"), Contains("address"));
    CHECK_THAT(refusal_of("\x7f"
                          "ELF"),
        Contains("line 1"));
    const auto one = block("version = \"1\"");
    CHECK_THAT(refusal_of(one + one), Contains("twice"));
    std::string deep;
    for (int i = 0; i < 100; ++i)
        deep += "a {\n";
    CHECK_THAT(refusal_of(deep), Contains("deep"));
    CHECK_THAT(refusal_of(std::string(kMaxLockFile + 1, '\n')), Contains("1 MiB"));
    std::string many;
    for (int i = 0; i <= 1000; ++i)
        many += block("version = \"1\"", "a/b/c" + std::to_string(i));
    CHECK_THAT(refusal_of(many), Contains("1000"));
}
