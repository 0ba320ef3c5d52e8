#include "launcher/slot/frame_reader.h"

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using namespace slipway;
using namespace slipway::slot;

TEST_CASE("frames come out whole however their bytes are split", "[slot]")
{
    std::string stream;
    std::vector<std::string> bodies;
    for (std::size_t i = 0; i < 50; ++i) {
        bodies.emplace_back(i * 41, static_cast<char>('a' + i % 26));
        stream += encode_frame(FrameType::out, OutFrame{.offset = i}, bodies.back());
    }
    std::mt19937 dice{7}; // NOLINT: the same story each time
    for (int round = 0; round < 20; ++round) {
        FrameReader reader;
        reader.admit();
        std::size_t seen = 0;
        for (std::size_t at = 0; at < stream.size();) {
            const std::size_t part
                = std::min<std::size_t>({1 + dice() % 700, stream.size() - at, reader.room()});
            reader.feed(std::string_view{stream}.substr(at, part));
            at += part;
            for (;;) {
                const auto frame = reader.next();
                REQUIRE(frame);
                if (!frame->has_value())
                    break;
                REQUIRE(payload_head<OutFrame>((*frame)->payload)->offset == seen);
                REQUIRE((*frame)->payload.substr(sizeof(OutFrame)) == bodies[seen]);
                ++seen;
            }
        }
        CHECK(seen == bodies.size());
    }
}

TEST_CASE("a stranger is believed a ready frame of its exact size and nothing else", "[slot]")
{
    FrameReader good;
    good.feed(encode_frame(FrameType::ready, ReadyFrame{}));
    const auto frame = good.next();
    REQUIRE(frame);
    REQUIRE(frame->has_value());
    CHECK((*frame)->type == FrameType::ready);
    CHECK(good.room() == sizeof(FrameHeader) + sizeof(ReadyFrame));

    FrameReader longer;
    longer.feed(encode_frame(FrameType::ready, ReadyFrame{}, "x"));
    CHECK_FALSE(longer.next());
    FrameReader exit;
    exit.feed(encode_frame(FrameType::exited, ExitedFrame{}));
    CHECK_FALSE(exit.next());
}

TEST_CASE("a frame over its size, of an unknown type or of the other direction ends the reading", "[slot]")
{
    const auto header = GENERATE(FrameHeader{kMaxReply + 1, FrameType::out}, FrameHeader{0, FrameType{0}},
        FrameHeader{sizeof(HelloFrame), FrameType::hello},
        FrameHeader{sizeof(ExitedFrame) + 1, FrameType::exited},
        FrameHeader{sizeof(ReadyFrame), FrameType::ready}, FrameHeader{0xffffffff, FrameType{0xffffffff}});
    FrameReader reader;
    reader.admit();
    reader.feed({reinterpret_cast<const char*>(&header), sizeof header});
    const auto frame = reader.next();
    REQUIRE_FALSE(frame);
    CHECK(frame.error().code() == Errc::invalid_input);
}
