#include "crypto/envelope.h"
#include "test/unit/crypto/envelopes.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

#include <set>
#include <utility>

namespace slipway::crypto {

using Catch::Matchers::Contains;
using test::kSealedSize;
using test::Opened;

namespace {

/// 200000 bytes in four chunks.
const std::string& plain_text()
{
    static const std::string text = test::text_of_size(200000);
    return text;
}

const std::string& sealed_text()
{
    static const std::string envelope = test::seal(plain_text(), test::signed_options());
    return envelope;
}

/// Refused, and nothing was handed out but a beginning of the plaintext.
std::string check_refused(const std::string& envelope)
{
    const Opened opened = test::open(envelope);
    REQUIRE_FALSE(opened.result);
    CHECK((opened.plain == std::string_view{plain_text()}.substr(0, opened.plain.size())));
    CHECK(opened.plain.size() % kEnvelopeChunkSize == 0);
    CHECK(opened.plain.size() < plain_text().size());
    return opened.result.error().message();
}

std::string flipped(std::string bytes, std::size_t at, unsigned mask = 1)
{
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ mask);
    return bytes;
}

} // namespace

TEST_CASE(
    "an envelope with any byte of its header changed is refused before anything is handed out", "[crypto]")
{
    // The header is the same whatever follows; a short one makes each of the attempts quick.
    const std::string envelope = test::seal("hello", test::signed_options());
    const std::size_t size = test::take_apart(envelope).header.size();
    for (std::size_t at = 0; at < size; ++at) {
        CAPTURE(at);
        const Opened opened = test::open(flipped(envelope, at, 1U << (at % 8)));
        REQUIRE_FALSE(opened.result);
        CHECK(opened.plain.empty());
    }
}

TEST_CASE("an unsigned envelope with any byte of its header changed is refused", "[crypto]")
{
    SealOptions options = test::signed_options();
    options.maker.reset();
    OpenOptions reader = test::open_options();
    reader.policy = SignaturePolicy::unsigned_allowed;
    const std::string envelope = test::seal("hello", options);
    REQUIRE(test::open(envelope, reader).result);
    const std::size_t size = test::take_apart(envelope).header.size();
    for (std::size_t at = 0; at < size; ++at) {
        CAPTURE(at);
        const Opened opened = test::open(flipped(envelope, at, 0x80U >> (at % 8)), reader);
        REQUIRE_FALSE(opened.result);
        CHECK(opened.plain.empty());
    }
}

TEST_CASE("an envelope with a byte of a chunk changed gives no byte of that chunk", "[crypto]")
{
    const std::size_t payload_at = test::take_apart(sealed_text()).header.size();
    for (std::size_t chunk = 0; chunk < 4; ++chunk) {
        const std::size_t begin = payload_at + chunk * kSealedSize;
        const std::size_t end = std::min(begin + kSealedSize, sealed_text().size());
        for (const std::size_t at : {begin, begin + 1000, end - 17, end - 16, end - 1}) {
            CAPTURE(chunk, at);
            const std::string changed = flipped(sealed_text(), at);
            CHECK_THAT(
                check_refused(changed), Contains("chunk " + std::to_string(chunk + 1) + " of the envelope"));
            CHECK(test::open(changed).plain.size() == chunk * kEnvelopeChunkSize);
        }
    }
}

TEST_CASE("an envelope that was cut anywhere is refused as truncated", "[crypto]")
{
    const std::size_t payload_at = test::take_apart(sealed_text()).header.size();
    for (const std::size_t size :
        std::set<std::size_t>{1, 7, 8, 11, 43, 75, 100, payload_at - 33, payload_at - 1}) {
        CAPTURE(size);
        CHECK_THAT(
            check_refused(sealed_text().substr(0, size)), Contains("truncated: its header is incomplete"));
    }
    CHECK(check_refused("") == "not an envelope: it is empty");
    CHECK_THAT(check_refused(sealed_text().substr(0, payload_at)), Contains("truncated in chunk 1"));
    CHECK_THAT(check_refused(sealed_text().substr(0, payload_at + 15)), Contains("truncated in chunk 1"));
    for (std::size_t chunk = 1; chunk < 4; ++chunk) {
        const std::size_t end = payload_at + chunk * kSealedSize;
        CAPTURE(chunk);
        CHECK_THAT(check_refused(sealed_text().substr(0, end)),
            Contains("it ends after chunk " + std::to_string(chunk) + ", which is not the last"));
        CHECK_THAT(check_refused(sealed_text().substr(0, end + 15)), Contains("truncated in chunk"));
        for (const std::size_t size : {end - 1, end - 16, end + 16, end + 17})
            check_refused(sealed_text().substr(0, size));
    }
    check_refused(sealed_text().substr(0, sealed_text().size() - 1));
}

TEST_CASE("an envelope with something after its end is refused", "[crypto]")
{
    const auto parts = test::take_apart(sealed_text());
    check_refused(sealed_text() + '\0');
    check_refused(sealed_text() + parts.chunks[3]);
    check_refused(sealed_text() + sealed_text());
    // A full last chunk: only the next byte tells that it is not the end.
    const std::string full = test::seal(plain_text().substr(0, kEnvelopeChunkSize), test::signed_options());
    const Opened opened = test::open(full + 'x');
    REQUIRE_FALSE(opened.result);
    CHECK(opened.result.error().message() == "bytes follow the envelope's last chunk, number 1");
    CHECK(opened.plain.empty());
}

TEST_CASE("chunks out of place are refused", "[crypto]")
{
    const auto parts = test::take_apart(sealed_text());
    const auto with_chunks = [&](const std::vector<std::size_t>& order) {
        std::string envelope = parts.header;
        for (const std::size_t chunk : order)
            envelope += parts.chunks[chunk];
        return envelope;
    };
    REQUIRE(test::open(with_chunks({0, 1, 2, 3})).result);
    for (const auto& order :
        std::vector<std::vector<std::size_t>>{{1, 0, 2, 3}, {0, 2, 1, 3}, {0, 0, 1, 2, 3}, {0, 1, 1, 2, 3},
            {1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {3}, {0, 1, 2, 2}, {0, 1, 2, 3, 3}, {3, 0, 1, 2}, {}}) {
        CAPTURE(order);
        check_refused(with_chunks(order));
    }
}

TEST_CASE("chunks of another envelope are refused", "[crypto]")
{
    const auto parts = test::take_apart(sealed_text());
    const auto other = test::take_apart(test::seal(plain_text(), test::signed_options()));
    for (std::size_t chunk = 0; chunk < 4; ++chunk) {
        auto mixed = parts;
        mixed.chunks[chunk] = other.chunks[chunk];
        CAPTURE(chunk);
        check_refused(mixed.joined());
    }
    auto swapped = parts;
    swapped.header = other.header;
    check_refused(swapped.joined());
}

TEST_CASE("parts of two headers do not make a third", "[crypto]")
{
    // Both are signed by the same key for the same key and say the same, so that all lengths are equal.
    const std::string one = test::seal("hello", test::signed_options());
    const std::string two = test::seal("world", test::signed_options());
    const std::size_t size = test::take_apart(one).header.size();
    REQUIRE(test::take_apart(two).header.size() == size);
    const std::size_t list_at = size - 32 - 256 - 2 - 32 - 1;
    const std::size_t signature_at = list_at - 256 - 2;
    REQUIRE(one.substr(0, 24) != two.substr(0, 24)); // the salts differ early
    for (const std::size_t at : {std::size_t{24}, std::size_t{43}, signature_at, list_at, size - 32, size}) {
        CAPTURE(at);
        CHECK_FALSE(test::open(one.substr(0, at) + two.substr(at)).result);
    }
    // The recipient list with its code, in the place of the other's.
    CHECK_FALSE(
        test::open(one.substr(0, list_at) + two.substr(list_at, size - list_at) + one.substr(size)).result);
}

TEST_CASE("after a failure nothing is accepted and nothing is handed out", "[crypto]")
{
    std::string plain;
    Opener opener{test::open_options(), [&](std::string_view bytes) -> Result<void> {
                      plain += bytes;
                      return {};
                  }};
    const auto parts = test::take_apart(sealed_text());
    REQUIRE(opener.push(parts.header + parts.chunks[0]));
    const auto failed = opener.push(flipped(parts.chunks[1], 5) + 'x');
    REQUIRE_FALSE(failed);
    const std::string before = plain;
    CHECK(before.size() == kEnvelopeChunkSize);
    for (const auto& again :
        {opener.push(parts.chunks[1]), opener.push(""), opener.finish(), opener.finish()}) {
        REQUIRE_FALSE(again);
        CHECK(again.error().message() == failed.error().message());
        CHECK(again.error().code() == failed.error().code());
    }
    CHECK((plain == before));
}

TEST_CASE("after the end nothing is accepted", "[crypto]")
{
    Opener opener{test::open_options(), [](std::string_view) -> Result<void> { return {}; }};
    REQUIRE(opener.push(sealed_text()));
    REQUIRE(opener.finish());
    CHECK(opener.push("x").error().code() == Errc::conflict);
    CHECK(opener.finish().error().code() == Errc::conflict);
}

TEST_CASE("opening ends with the sink's failure", "[crypto]")
{
    int calls = 0;
    Opener opener{test::open_options(), [&](std::string_view) -> Result<void> {
                      ++calls;
                      return Error{Errc::exhausted, "disk full"};
                  }};
    CHECK(opener.push(sealed_text()).error().message() == "disk full");
    CHECK(opener.finish().error().message() == "disk full");
    CHECK(calls == 1);
}

} // namespace slipway::crypto
