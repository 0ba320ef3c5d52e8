#include "docker-client/stdcopy.h"

#include <catch2/catch.hpp>

namespace slipway::docker {

namespace {

std::string frame(char stream, std::string_view payload)
{
    const auto size = static_cast<std::uint32_t>(payload.size());
    std::string bytes{stream, '\0', '\0', '\0'};
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes += static_cast<char>(size >> static_cast<unsigned>(shift) & 0xFFU);
    return bytes += payload;
}

struct Output {
    std::string out;
    std::string err;

    OutputHandler handler()
    {
        return [this](Stream stream, std::string_view bytes) -> Result<void> {
            (stream == Stream::out ? out : err) += bytes;
            return {};
        };
    }
};

} // namespace

TEST_CASE("frames are taken apart however they are split", "[docker]")
{
    const std::string long_line(300, 'x');
    const std::string bytes
        = frame(1, "one ") + frame(2, "error") + frame(1, "") + frame(0, long_line) + frame(1, "end");
    const std::size_t piece = GENERATE(range(std::size_t{1}, std::size_t{40}));
    Output output;
    StdcopyReader reader{output.handler()};
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        REQUIRE(reader.feed(std::string_view{bytes}.substr(at, piece)));
    CHECK(reader.finish());
    CHECK(output.out == "one " + long_line + "end");
    CHECK(output.err == "error");
}

TEST_CASE("payload is passed on before its frame is whole", "[docker]")
{
    Output output;
    StdcopyReader reader{output.handler()};
    REQUIRE(reader.feed(frame(1, "0123456789").substr(0, 12)));
    CHECK(output.out == "0123");
}

TEST_CASE("a stream that ends within a frame is broken off", "[docker]")
{
    const std::string bytes = frame(1, "ab") + frame(2, "cd");
    const std::size_t size = GENERATE(range(std::size_t{0}, std::size_t{21}));
    Output output;
    StdcopyReader reader{output.handler()};
    REQUIRE(reader.feed(std::string_view{bytes}.substr(0, size)));
    const auto end = reader.finish();
    CHECK(end.has_value() == (size == 0 || size == 10 || size == 20));
    if (!end)
        CHECK(end.error().code() == Errc::unreachable);
}

TEST_CASE("bytes that are no frames are refused", "[docker]")
{
    const std::string bytes
        = GENERATE(as<std::string>{}, "plain terminal output", std::string{"\1\0\0\1\0\0\0\1x", 9},
            std::string{"\4\0\0\0\0\0\0\1x", 9}, std::string{"\1\0\0\0\xFF\xFF\xFF\xFFx", 9});
    Output output;
    StdcopyReader reader{output.handler()};
    const auto result = reader.feed(bytes);
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == Errc::invalid_input);
    CHECK(output.out.empty());
}

TEST_CASE("an error frame of the engine ends the stream with its text", "[docker]")
{
    const std::string text = GENERATE(as<std::string>{}, "", "disk broke", std::string(100'000, 'e'));
    Output output;
    StdcopyReader reader{output.handler()};
    const auto result = reader.feed(frame(1, "x") + frame(3, text) + frame(1, "y"));
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == Errc::internal);
    CHECK(result.error().message() == "the engine: " + text.substr(0, StdcopyReader::kMaxErrorText));
    CHECK(output.out == "x");
}

TEST_CASE("the failure of a handler ends the stream", "[docker]")
{
    StdcopyReader reader{[](Stream, std::string_view) -> Result<void> {
        return Error{Errc::exhausted, "full"};
    }};
    const auto result = reader.feed(frame(1, "x"));
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == Errc::exhausted);
}

} // namespace slipway::docker
