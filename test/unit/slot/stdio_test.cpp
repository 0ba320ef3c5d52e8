#include "launcher/slot-init/cobs.h"
#include "launcher/slot-init/frames.h"
#include "launcher/slot/cobs.h"
#include "launcher/slot/stdio_relay.h"

#include <catch2/catch.hpp>

#include <random>

using namespace slipway::slot;

namespace {

struct Decoded {
    std::vector<std::string> whole;
    int cut = 0;
};

Decoded decode(std::string_view bytes)
{
    CobsDecoder decoder;
    Decoded all;
    std::string frame;
    for (const char byte : bytes) {
        std::uint8_t out = 0;
        const auto step = decoder.take(static_cast<std::uint8_t>(byte), out);
        if (step == CobsDecoder::Step::byte)
            frame.push_back(static_cast<char>(out));
        if (step == CobsDecoder::Step::whole)
            all.whole.push_back(frame);
        all.cut += step == CobsDecoder::Step::cut ? 1 : 0;
        if (step == CobsDecoder::Step::whole || step == CobsDecoder::Step::cut)
            frame.clear();
    }
    return all;
}

} // namespace

TEST_CASE("a frame travels on stdin without a zero byte and comes out as it was")
{
    std::mt19937 dice{7};
    for (const std::size_t size : {0U, 1U, 2U, 253U, 254U, 255U, 256U, 507U, 508U, 509U, 70'000U}) {
        for (const int zeros : {0, 1, 2, 100}) { // in a hundred
            std::string frame;
            for (std::size_t i = 0; i < size; ++i)
                frame.push_back(
                    static_cast<int>(dice() % 100) < zeros ? '\0' : static_cast<char>(1 + dice() % 255));
            std::string encoded;
            append_cobs(encoded, frame);
            INFO(size << " bytes, zeros: " << zeros);
            CHECK(encoded.find('\0') == encoded.size() - 1);
            CHECK(encoded.size() <= size + 2 + size / 254);
            const auto decoded = decode(encoded);
            REQUIRE(decoded.whole.size() == 1);
            CHECK(decoded.whole[0] == frame);
            CHECK(decoded.cut == 0);
        }
    }
}

TEST_CASE("a frame that was cut at any byte does not swallow the one after it")
{
    std::string first(600, 'x');
    first[300] = '\0';
    const std::string second = "the next launcher's";
    std::string encoded;
    append_cobs(encoded, first);
    // All but its end is all of it.
    for (std::size_t at = 0; at + 1 < encoded.size(); ++at) {
        std::string stream = encoded.substr(0, at);
        stream.push_back('\0');
        append_cobs(stream, second);
        const auto decoded = decode(stream);
        REQUIRE_FALSE(decoded.whole.empty());
        CHECK(decoded.whole.back() == second);
        // Where the cut falls between two blocks the length in the frame's header tells.
        for (std::size_t i = 0; i + 1 < decoded.whole.size(); ++i)
            CHECK(decoded.whole[i].size() < first.size());
    }
}

TEST_CASE("what came before the nonce is dropped, however it is split")
{
    std::string nonce(kNonceSize, 'n');
    nonce.back() = 'e';
    const std::string stream = "old output nnnnn" + nonce + "new";
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        NonceFinder finder{nonce};
        std::string after;
        bool found = false;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            std::string bytes = stream.substr(at, piece);
            if (!found)
                found = finder.take(bytes);
            after += bytes;
        }
        CHECK(found);
        CHECK(after == "new");
    }
    NonceFinder finder{nonce};
    std::string none(1 << 20, 'n');
    CHECK_FALSE(finder.take(none));
    CHECK(none.empty());
}
