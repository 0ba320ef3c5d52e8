#include "crypto/envelope_chunks.h"
#include "crypto/envelope_keys.h"
#include "test/unit/crypto/envelopes.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

namespace slipway::crypto {

using test::from_hex;

namespace {

/// `count` chunks under the payload key of an envelope whose header is `header`, the last one empty.
std::string with_empty_last_chunk(const std::string& header, std::size_t count)
{
    const auto parsed = parse_header(header);
    REQUIRE(parsed);
    const auto file_key = recover_file_key(*parsed, {test::first_key()});
    REQUIRE(file_key);
    auto cipher = ChunkCipher::create(ChunkCipher::Direction::seal, payload_key(*file_key, *parsed));
    REQUIRE(cipher);
    std::string envelope = header;
    std::string sealed;
    for (std::size_t i = 0; i < count; ++i) {
        const bool last = i + 1 == count;
        REQUIRE(cipher->seal(last ? "" : test::text_of_size(kEnvelopeChunkSize),
            last ? ChunkCipher::Place::last : ChunkCipher::Place::middle, sealed));
        envelope += sealed;
    }
    return envelope;
}

} // namespace

TEST_CASE("an empty last chunk is refused unless it is the only one", "[crypto]")
{
    const std::string header = test::take_apart(test::seal("hello", test::signed_options())).header;
    const auto only = test::open(with_empty_last_chunk(header, 1));
    CHECK(only.result);
    CHECK(only.plain.empty());
    const auto second = test::open(with_empty_last_chunk(header, 2));
    REQUIRE_FALSE(second.result);
    CHECK(second.result.error().message() == "malformed envelope: its last chunk is empty");
    CHECK(second.plain.size() == kEnvelopeChunkSize);
}

TEST_CASE("chunks are AES-256-GCM as published", "[crypto]")
{
    // McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13 and 14: key and nonce are zero.
    struct Vector {
        std::string plain;
        std::string sealed;
    };

    for (const auto& [plain, sealed] : {Vector{"", from_hex("530f8afbc74536b9a963b4f1c4cb738b")},
             Vector{std::string(16, '\0'),
                 from_hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")}}) {
        const Secret key{std::string(32, '\0')};
        auto sealer = ChunkCipher::create(ChunkCipher::Direction::seal, key);
        REQUIRE(sealer);
        std::string made;
        REQUIRE(sealer->seal(plain, ChunkCipher::Place::middle, made));
        CHECK(made == sealed);
        auto opener = ChunkCipher::create(ChunkCipher::Direction::open, key);
        REQUIRE(opener);
        REQUIRE(opener->open(sealed, ChunkCipher::Place::middle, made));
        CHECK(made == plain);
    }
}

} // namespace slipway::crypto
