#include "common/json.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <string>

using namespace slipway;

namespace {

std::string written(std::string_view text)
{
    JsonWriter json;
    json.value(text);
    return json.take();
}

} // namespace

TEST_CASE("commas and nesting come out right")
{
    JsonWriter json;
    json.begin_object().field("a", "x").field("b", std::int64_t{-1}).flag("c", true).key("d").null();
    json.key("e").begin_array().value("1").value(std::int64_t{2}).begin_object().end_object().begin_array();
    json.end_array().boolean(false).end_array().key("f").raw("[3]").string_list("g", {"p", "q"});
    json.string_map("h", {{"k", "v"}, {"l", "w"}}).field("i", "z").end_object();
    CHECK(json.text()
        == R"({"a":"x","b":-1,"c":true,"d":null,"e":["1",2,{},[],false],"f":[3],"g":["p","q"],"h":{"k":"v","l":"w"},"i":"z"})");
}

TEST_CASE("what would end a string or a line is escaped")
{
    CHECK(written("a\"b\\c/\n\r\t") == R"("a\"b\\c/\n\u000d\u0009")");
    CHECK(written(std::string_view{"\0\x1F\x7F", 3}) == R"("\u0000\u001f\u007f")");
    CHECK(written("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80") == "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"");
    JsonWriter json;
    json.begin_object().field("k\"\n", "v").end_object();
    CHECK(json.text() == R"({"k\"\n":"v"})");
}

TEST_CASE("bytes that are not UTF-8 are written as replacement characters")
{
    const std::string_view mark = "\xEF\xBF\xBD";
    CHECK(written("a\xFFz") == "\"a" + std::string{mark} + "z\"");
    CHECK(written("\xC3") == "\"" + std::string{mark} + "\"");
    for (const char* bytes : {"\xC0\x80", "\xED\xA0\x80", "\xE0\x80\x80", "\xF4\x90\x80\x80",
             "\xF0\x80\x80\x80", "\xE2\x82", "\xF0\x9F\x98", "\x80\x80"}) {
        const auto text = written(bytes);
        INFO(text);
        CHECK(text.find(mark) != std::string::npos);
        CHECK(JsonDocument::parse(text));
    }
}

TEST_CASE("all byte pairs are written as JSON that can be read")
{
    for (int a = 0; a < 256; ++a) {
        std::string pairs;
        for (int b = 0; b < 256; ++b) {
            pairs += static_cast<char>(a);
            pairs += static_cast<char>(b);
        }
        CHECK(JsonDocument::parse(written(pairs)));
    }
}

TEST_CASE("numbers keep their value, what JSON has no number for is null")
{
    JsonWriter json;
    json.begin_array().value(INT64_MIN).value(INT64_MAX).value(0.1).value(1e300);
    json.value(std::numeric_limits<double>::infinity())
        .value(std::numeric_limits<double>::quiet_NaN())
        .end_array();
    CHECK(json.text()
        == "[-9223372036854775808,9223372036854775807,0.10000000000000001,1.0000000000000001e+300,null,"
           "null]");
}
