#include "common/json.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>
#include <vector>

using namespace slipway;

namespace {

JsonDocument parsed(std::string_view text)
{
    auto document = JsonDocument::parse(text);
    if (!document)
        FAIL(document.error().message());
    return *std::move(document);
}

template <class T> std::string message_of(const Result<T>& result)
{
    return result ? "" : result.error().message();
}

} // namespace

TEST_CASE("nothing may follow the text behind a NUL")
{
    using namespace std::string_view_literals;
    for (const auto text : {"{\"a\":1}\0 garbage"sv, "{\"a\":1}\0"sv, "{\"a\0\":1}"sv, "\0"sv}) {
        const auto document = JsonDocument::parse(text);
        REQUIRE_FALSE(document);
        CHECK(document.error().code() == Errc::invalid_input);
        CHECK(document.error().message().find("NUL") != std::string::npos);
    }
}

TEST_CASE("typed getters read what is there")
{
    const auto document = parsed(
        R"({"s":"a\u00e4\n","i":-5,"big":9223372036854775807,"t":true,"f":false,"n":null,"l":["x","y"],"m":{"b":"2","a":"1"}})");
    const auto json = document.root();
    CHECK(*json.string("s") == "a\xC3\xA4\n");
    CHECK(*json.integer("i") == -5);
    CHECK(*json.integer("big") == INT64_MAX);
    CHECK(*json.boolean("t") == JsonValue::Boolean::yes);
    CHECK(*json.boolean("f") == JsonValue::Boolean::no);
    CHECK(*json.string_list("l") == std::vector<std::string>{"x", "y"});
    CHECK(*json.string_map("m") == std::vector<std::pair<std::string, std::string>>{{"b", "2"}, {"a", "1"}});
    CHECK(json.elements().has_value() == false);
    CHECK(json.members()->size() == 8);
    CHECK(json.at("m")->dump() == R"({"b":"2","a":"1"})");
}

TEST_CASE("an absent or null field gives the fallback, a wrong one an error all the same")
{
    const auto document = parsed(R"({"n":null,"wrong":[]})");
    const auto json = document.root();
    for (const char* key : {"absent", "n"}) {
        CHECK(*json.string_or(key, "d") == "d");
        CHECK(*json.integer_or(key, 7) == 7);
        CHECK(*json.boolean_or(key, true) == JsonValue::Boolean::yes);
        CHECK(json.string_list(key)->empty());
        CHECK(json.string_map(key)->empty());
        CHECK_FALSE(json.find(key)->has_value());
        CHECK(message_of(json.string(key)) == "$." + std::string{key} + ": is missing");
    }
    CHECK(message_of(json.string_or("wrong", "d")) == "$.wrong: expected a string");
    CHECK(message_of(json.integer_or("wrong", 7)) == "$.wrong: expected an integer");
    CHECK(message_of(json.boolean_or("wrong", true)) == "$.wrong: expected true or false");
    CHECK(message_of(json.string_map("wrong")) == "$.wrong: expected an object");
}

TEST_CASE("an error names the path to its value")
{
    const auto document = parsed(R"({"runs":[{},{"state":7,"steps":["a",false]}]})");
    const auto runs = *document.root().at("runs");
    const auto second = runs.elements()->at(1);
    CHECK(second.path() == "$.runs[1]");
    CHECK(message_of(second.string("state")) == "$.runs[1].state: expected a string");
    CHECK(message_of(second.string_list("steps")) == "$.runs[1].steps[1]: expected a string");
    CHECK(message_of(second.integer("state", 1, 5)) == "$.runs[1].state: expected an integer from 1 to 5");
    CHECK(message_of(runs.at("x")) == "$.runs: expected an object");
    CHECK(message_of(document.root().elements()) == "$: expected an array");
}

TEST_CASE("numbers that are no 64-bit integers are refused")
{
    for (const char* number :
        {"1.5", "1e3", "1.0", "9223372036854775808", "-9223372036854775809", "\"1\"", "true"}) {
        const std::string text = "{\"n\":" + std::string{number} + "}";
        const auto document = parsed(text);
        CHECK(message_of(document.root().integer("n")) == "$.n: expected an integer");
    }
}

TEST_CASE("numbers that are too large for a double are refused where they end")
{
    for (const std::string text : {"[200000044442e297]", "{\"a\":-1e309}", "1e400"}) {
        const auto parsed = JsonDocument::parse(text);
        CAPTURE(text);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code() == Errc::invalid_input);
        CHECK(parsed.error().message().starts_with("not valid JSON at byte "));
    }
    CHECK(JsonDocument::parse("[1.7e308,-1.7e308,1e-400]"));
}

TEST_CASE("of two members with one name the first counts")
{
    const auto document = parsed(R"({"a":1,"a":2})");
    CHECK(*document.root().integer("a") == 1);
}

TEST_CASE("text that is no JSON is refused with the position")
{
    for (const char* text : {"", " ", "{", "[1,]", "{\"a\"}", "nul", "01", "1 2", "{\"a\":1,}", "'a'",
             "\"\\x\"", "\"\n\"", "\"\\ud800\"", "\"\\udded\"", "\"\\\\\\udc00\"",
             "\"\\ud83d\\ude00\\ude00\"", "[1] x", "\xEF\xBB\xBF{}x", "NaN", "//c\n1"}) {
        INFO(text);
        const auto document = JsonDocument::parse(text);
        REQUIRE_FALSE(document);
        CHECK(document.error().code() == Errc::invalid_input);
    }
    CHECK(message_of(JsonDocument::parse("{\"a\":x}")).find("not valid JSON at byte 6") == 0);
}

TEST_CASE("a character beyond the basic plane is a pair of escapes, and a backslash before a u is none")
{
    const auto pair = JsonDocument::parse(R"(["\uD83d\uDE00", "\\udc00"])");
    REQUIRE(pair);
    const auto list = pair->root().elements();
    REQUIRE(list);
    CHECK((*list)[0].string().value_or("") == "\xF0\x9F\x98\x80");
    CHECK((*list)[1].string().value_or("") == "\\udc00");
}

TEST_CASE("strings that are not valid UTF-8 are refused")
{
    for (const char* bytes : {"\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC3", "\x80"}) {
        INFO(bytes);
        CHECK_FALSE(JsonDocument::parse("\"" + std::string{bytes} + "\""));
    }
}

TEST_CASE("size and depth have limits")
{
    CHECK(JsonDocument::parse("[1]", {.max_bytes = 3}));
    const auto large = JsonDocument::parse("[1] ", {.max_bytes = 3});
    REQUIRE_FALSE(large);
    CHECK(large.error().code() == Errc::exhausted);
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    CHECK(JsonDocument::parse(nested(32)));
    CHECK(message_of(JsonDocument::parse(nested(33))) == "JSON is nested deeper than 32");
    CHECK(JsonDocument::parse("[\"" + std::string(100, '[') + "\\\"[\"]"));
}

TEST_CASE("two million brackets do not exhaust the stack")
{
    const JsonLimits wide{.max_bytes = 4'000'000, .max_depth = 4'000'000};
    CHECK_FALSE(JsonDocument::parse(std::string(2'000'000, '['), {.max_bytes = 4'000'000}));
    CHECK_FALSE(JsonDocument::parse(std::string(2'000'000, '['), wide));
    std::string objects;
    for (int i = 0; i < 200'000; ++i)
        objects += "{\"a\":";
    CHECK_FALSE(JsonDocument::parse(objects, wide));
}
