#include "crypto/envelope.h"
#include "test/unit/crypto/envelopes.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

#include <functional>

namespace slipway::crypto {

using Catch::Matchers::Contains;
using test::first_key;
using test::second_key;
using test::third_key;

namespace {

Error refusal(const std::string& envelope, const OpenOptions& options)
{
    const auto opened = test::open(envelope, options);
    REQUIRE_FALSE(opened.result);
    CHECK(opened.plain.empty());
    return opened.result.error();
}

SealOptions unsigned_options()
{
    SealOptions options = test::signed_options();
    options.maker.reset();
    return options;
}

OpenOptions unsigned_reader()
{
    OpenOptions options = test::open_options();
    options.policy = SignaturePolicy::unsigned_allowed;
    return options;
}

} // namespace

TEST_CASE("an envelope of another context is refused, and the field is named", "[crypto]")
{
    const std::string envelope = test::seal("hello", test::signed_options());
    const std::vector<std::pair<std::string, std::function<void(EnvelopeContext&)>>> changes{
        {"its pool is not \"other\"", [](EnvelopeContext& context) { context.pool = "other"; }},
        {"its run is not \"run-8\"", [](EnvelopeContext& context) { context.run = "run-8"; }},
        {"its stage is not \"\"", [](EnvelopeContext& context) { context.stage = ""; }},
        {"its fence is not \"43\"", [](EnvelopeContext& context) { context.fence = 43; }},
        {"its object is not \"artifact\"", [](EnvelopeContext& context) { context.object = "artifact"; }},
    };
    for (const auto& [words, change] : changes) {
        OpenOptions options = test::open_options();
        change(options.context);
        const Error error = refusal(envelope, options);
        CHECK(error.code() == Errc::conflict);
        CHECK_THAT(error.message(), Contains("the envelope belongs elsewhere: " + words));
    }
}

TEST_CASE("fields of a context that read the same in a row are told apart", "[crypto]")
{
    SealOptions options = test::signed_options();
    options.context = {.pool = "ab", .run = "c", .stage = "", .fence = 0, .object = ""};
    OpenOptions reader = test::open_options();
    reader.context = {.pool = "a", .run = "bc", .stage = "", .fence = 0, .object = ""};
    CHECK(refusal(test::seal("hello", options), reader).code() == Errc::conflict);
}

TEST_CASE("an unsigned envelope is refused where a signature is required", "[crypto]")
{
    const std::string envelope = test::seal("hello", unsigned_options());
    const Error error = refusal(envelope, test::open_options());
    CHECK(error.code() == Errc::rejected);
    CHECK_THAT(
        error.message(), Contains("the envelope is not signed, but a signature of the pool is required"));
    const auto opened = test::open(envelope, unsigned_reader());
    REQUIRE(opened.result);
    CHECK(opened.plain == "hello");
}

TEST_CASE("an envelope signed by a key that does not count is refused", "[crypto]")
{
    SealOptions options = test::signed_options();
    options.maker = second_key();
    const std::string envelope = test::seal("hello", options);
    const Error error = refusal(envelope, test::open_options());
    CHECK(error.code() == Errc::rejected);
    CHECK_THAT(error.message(), Contains("signed by an unknown key: " + second_key().fingerprint().hex()));
    OpenOptions nobody = test::open_options();
    nobody.makers.clear();
    CHECK(refusal(test::seal("hello", test::signed_options()), nobody).code() == Errc::rejected);
    OpenOptions either = test::open_options();
    either.makers.push_back(second_key().public_key());
    CHECK(test::open(envelope, either).plain == "hello");
}

TEST_CASE("a signature in another's name is refused, also where none is required", "[crypto]")
{
    const std::string envelope = test::seal("hello", test::signed_options());
    const std::size_t signature_at = test::take_apart(envelope).header.size() - 32 - 256 - 2 - 32 - 1 - 256;
    // Signed by the second key over the same bytes, in the first one's name.
    const auto forged
        = second_key().sign("slipway envelope v1 signature" + envelope.substr(0, signature_at - 2));
    REQUIRE(forged);
    std::string changed = envelope;
    changed.replace(signature_at, 256, *forged);
    for (const auto& options : {test::open_options(), unsigned_reader()}) {
        const Error error = refusal(changed, options);
        CHECK(error.code() == Errc::rejected);
        CHECK_THAT(error.message(), Contains("checking the envelope's maker: the signature is wrong"));
    }
}

TEST_CASE("a signature cannot be taken off", "[crypto]")
{
    const std::string envelope = test::seal("hello", test::signed_options());
    const std::size_t signature_at = test::take_apart(envelope).header.size() - 32 - 256 - 2 - 32 - 1 - 256;
    std::string bare = envelope;
    bare.replace(signature_at - 2, 2 + 256, std::string(2, '\0'));
    CHECK_THAT(refusal(bare, unsigned_reader()).message(), Contains("a maker without a signature"));
    // With the maker taken out of the fixed part too, the header is well formed, but its keys are others.
    bare.replace(signature_at - 2 - 33, 33, std::string(1, '\0'));
    const std::size_t fixed_size = signature_at - 2 - 32;
    bare[9] = static_cast<char>(fixed_size >> 8U);
    bare[10] = static_cast<char>(fixed_size & 255U);
    REQUIRE(read_envelope_info(bare));
    const Error error = refusal(bare, unsigned_reader());
    CHECK(error.code() == Errc::rejected);
    CHECK_THAT(error.message(), Contains("the envelope's header or its recipient list was changed"));
}

TEST_CASE("an envelope that is not for a key of the reader is refused, and both are named", "[crypto]")
{
    const std::string envelope = test::seal("hello", test::signed_options());
    OpenOptions options = test::open_options();
    options.keys = {second_key(), third_key()};
    const Error error = refusal(envelope, options);
    CHECK(error.code() == Errc::not_found);
    CHECK_THAT(error.message(),
        Contains("sealed for other keys: for " + first_key().fingerprint().hex().substr(0, 16)));
    CHECK_THAT(error.message(), Contains(second_key().fingerprint().hex().substr(0, 16)));
    CHECK_THAT(error.message(), Contains(third_key().fingerprint().hex().substr(0, 16)));
    options.keys.clear();
    CHECK_THAT(refusal(envelope, options).message(), Contains("held: none"));
}

TEST_CASE("each recipient opens an envelope, with any of the keys held", "[crypto]")
{
    SealOptions options = test::signed_options();
    options.recipients = {second_key().public_key(), third_key().public_key()};
    const std::string envelope = test::seal("hello", options);
    for (const auto& keys :
        std::vector<std::vector<PrivateKey>>{{second_key()}, {third_key()}, {first_key(), third_key()}}) {
        OpenOptions reader = test::open_options();
        reader.keys = keys;
        CHECK(test::open(envelope, reader).plain == "hello");
    }
    CHECK(refusal(envelope, test::open_options()).code() == Errc::not_found);
}

TEST_CASE("a reader's own name on a key wrapped for another does not open", "[crypto]")
{
    SealOptions options = test::signed_options();
    options.recipients = {second_key().public_key()};
    std::string envelope = test::seal("hello", options);
    const std::size_t id_at = test::take_apart(envelope).header.size() - 32 - 256 - 2 - 32;
    envelope.replace(id_at, 32, first_key().fingerprint().view());
    const Error error = refusal(envelope, test::open_options());
    CHECK(error.code() == Errc::rejected);
    CHECK_THAT(error.message(), Contains("opening the envelope's file key"));
}

TEST_CASE("what is no envelope, or one of a later version, is refused by name", "[crypto]")
{
    const std::string envelope = test::seal("hello", test::signed_options());
    CHECK_THAT(refusal("hello, world", test::open_options()).message(), Contains("not an envelope"));
    CHECK_THAT(refusal("x", test::open_options()).message(), Contains("not an envelope"));
    std::string later = envelope;
    later[7] = 2;
    CHECK_THAT(refusal(later, test::open_options()).message(), Contains("has version 2"));
    std::string suite = envelope;
    suite[8] = 9;
    CHECK_THAT(refusal(suite, test::open_options()).message(), Contains("cipher suite 9"));
}

TEST_CASE("lengths that no header has are refused at once", "[crypto]")
{
    const std::string envelope = test::seal("hello", test::signed_options());
    const std::size_t header = test::take_apart(envelope).header.size();
    const std::size_t list_at = header - 32 - 256 - 2 - 32 - 1;
    const auto refused = [&](std::size_t at, const std::string& bytes, const std::string& words) {
        std::string changed = envelope.substr(0, at) + bytes;
        const auto size = envelope_header_size(changed);
        INFO(words);
        REQUIRE_FALSE(size);
        CHECK(size.error().code() == Errc::invalid_input);
        CHECK_THAT(size.error().message(), Contains(words));
    };
    refused(9, std::string("\0\x57", 2), "the fixed part has an impossible length");
    refused(9, "\xff\xff", "the fixed part has an impossible length");
    refused(list_at - 256 - 2, std::string("\0\x01", 2) + envelope.substr(list_at - 256, 257),
        "the signature has an impossible length");
    refused(list_at, std::string(1, '\0'), "the number of recipients is not within 1 and 64");
    refused(list_at, "\x41", "the number of recipients is not within 1 and 64");
    refused(list_at + 1 + 32, std::string("\0\xff", 2), "a wrapped key has an impossible length");
}

TEST_CASE("a recipient that is listed twice is refused", "[crypto]")
{
    const std::string header = test::take_apart(test::seal("hello", test::signed_options())).header;
    const std::size_t list_at = header.size() - 32 - 256 - 2 - 32 - 1;
    const std::string recipient = header.substr(list_at + 1, 32 + 2 + 256);
    const auto info = read_envelope_info(
        header.substr(0, list_at) + '\x02' + recipient + recipient + header.substr(header.size() - 32));
    REQUIRE_FALSE(info);
    CHECK_THAT(info.error().message(), Contains("a recipient is listed twice"));
}

} // namespace slipway::crypto
