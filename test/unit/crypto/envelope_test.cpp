#include "crypto/envelope.h"
#include "test/unit/crypto/envelopes.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

namespace slipway::crypto {

using Catch::Matchers::Contains;
using test::first_key;
using test::kSealedSize;

namespace {

Result<void> ignore(std::string_view) { return {}; }

/// Bytes of each context field that are one too many.
constexpr std::size_t kTooLong = kMaxEnvelopeContextField + 1;

} // namespace

TEST_CASE("an envelope gives back what was sealed, however both were cut into pieces", "[crypto]")
{
    for (const std::size_t size : {0U, 1U, 65535U, 65536U, 65537U, 131072U, 200000U}) {
        const std::string plain = test::text_of_size(size);
        for (const std::size_t step : {1U, 1000U, 65536U, 65537U, 65552U, 1000000U}) {
            if (step == 1 && size > 70000)
                continue; // two chunks byte by byte say as much as four
            CAPTURE(size, step);
            const std::string envelope = test::seal(plain, test::signed_options(), step);
            const auto opened = test::open(envelope, test::open_options(), step);
            REQUIRE(opened.result);
            CHECK((opened.plain == plain));
        }
    }
}

TEST_CASE("an envelope has a header and one tag for each chunk begun, and one for nothing", "[crypto]")
{
    const auto sizes = [](std::size_t size) {
        std::vector<std::size_t> chunks;
        for (const auto& chunk :
            test::take_apart(test::seal(test::text_of_size(size), test::signed_options())).chunks)
            chunks.push_back(chunk.size());
        return chunks;
    };
    CHECK(sizes(0) == std::vector<std::size_t>{16});
    CHECK(sizes(1) == std::vector<std::size_t>{17});
    CHECK(sizes(65536) == std::vector<std::size_t>{kSealedSize});
    CHECK(sizes(65537) == std::vector<std::size_t>{kSealedSize, 17});
    CHECK(sizes(200000) == std::vector<std::size_t>{kSealedSize, kSealedSize, kSealedSize, 3392 + 16});
}

TEST_CASE("two envelopes of the same content have nothing secret in common", "[crypto]")
{
    const auto one = test::take_apart(test::seal("hello", test::signed_options()));
    const auto two = test::take_apart(test::seal("hello", test::signed_options()));
    CHECK(one.header != two.header);
    CHECK(one.chunks != two.chunks);
}

TEST_CASE("an envelope tells what it is about to anyone", "[crypto]")
{
    SealOptions options = test::signed_options();
    options.recipients.push_back(test::second_key().public_key());
    const std::string envelope = test::seal("hello", options);
    const auto info = read_envelope_info(envelope);
    REQUIRE(info);
    CHECK(info->context == test::context());
    REQUIRE(info->maker);
    CHECK(*info->maker == first_key().fingerprint());
    CHECK(
        info->recipients == std::vector<Digest>{first_key().fingerprint(), test::second_key().fingerprint()});
    CHECK(info->header_size == envelope.size() - 21);
    options.maker.reset();
    const auto unsigned_info = read_envelope_info(test::seal("hello", options));
    REQUIRE(unsigned_info);
    CHECK_FALSE(unsigned_info->maker);
}

TEST_CASE("the header's length is known as soon as the header is there", "[crypto]")
{
    const std::string envelope = test::seal("hello", test::signed_options());
    const std::size_t size = test::take_apart(envelope).header.size();
    for (std::size_t i = 0; i < size; ++i) {
        const auto known = envelope_header_size(envelope.substr(0, i));
        REQUIRE(known);
        CHECK_FALSE(known->has_value());
        CHECK_FALSE(read_envelope_info(envelope.substr(0, i)));
    }
    for (const std::size_t i : {size, size + 1, envelope.size()}) {
        const auto known = envelope_header_size(envelope.substr(0, i));
        REQUIRE(known);
        CHECK(*known == size);
    }
}

TEST_CASE("sealing needs recipients, and contexts within the limit", "[crypto]")
{
    SystemRandom random;
    const auto refusal = [&](const SealOptions& options) {
        const auto sealer = Sealer::create(options, random, ignore);
        REQUIRE_FALSE(sealer);
        CHECK(sealer.error().code() == Errc::invalid_input);
        return sealer.error().message();
    };
    SealOptions nobody = test::signed_options();
    nobody.recipients.clear();
    CHECK_THAT(refusal(nobody), Contains("at least one recipient"));
    for (std::string EnvelopeContext::*field :
        {&EnvelopeContext::pool, &EnvelopeContext::run, &EnvelopeContext::stage, &EnvelopeContext::object}) {
        SealOptions options = test::signed_options();
        options.context.*field = std::string(kTooLong, 'x');
        CHECK_THAT(refusal(options), Contains("has 129 bytes, at most 128 are allowed"));
        (options.context.*field).pop_back();
        OpenOptions reader = test::open_options();
        reader.context = options.context;
        CHECK(test::open(test::seal("hello", options), reader).plain == "hello");
    }
}

TEST_CASE("an envelope has up to 64 recipients", "[crypto]")
{
    SystemRandom random;
    SealOptions options = test::signed_options();
    options.recipients.clear();
    for (std::size_t i = 0; i <= kMaxEnvelopeRecipients; ++i)
        options.recipients.push_back(test::numbered_key(i));
    CHECK_THAT(Sealer::create(options, random, ignore).error().message(), Contains("64"));
    options.recipients.pop_back();
    const std::string envelope = test::seal("hello", options);
    const auto info = read_envelope_info(envelope);
    REQUIRE(info);
    CHECK(info->recipients.size() == kMaxEnvelopeRecipients);
    CHECK(info->header_size <= kMaxEnvelopeHeaderSize);
}

TEST_CASE("a recipient given twice is listed once", "[crypto]")
{
    SealOptions options = test::signed_options();
    options.recipients = std::vector<PublicKey>(65, first_key().public_key());
    const auto info = read_envelope_info(test::seal("hello", options));
    REQUIRE(info);
    CHECK(info->recipients.size() == 1);
}

TEST_CASE("a context may be empty and holds any bytes", "[crypto]")
{
    for (const auto& context : {EnvelopeContext{},
             EnvelopeContext{.pool = std::string("\0\xff", 2),
             .run = "a",
             .stage = {},
             .fence = UINT64_MAX,
             .object = "b"}}) {
        SealOptions options = test::signed_options();
        options.context = context;
        OpenOptions reader = test::open_options();
        reader.context = context;
        const auto opened = test::open(test::seal("hello", options), reader);
        REQUIRE(opened.result);
        CHECK(opened.plain == "hello");
    }
}

TEST_CASE("sealing ends when the sink fails and after the end", "[crypto]")
{
    SystemRandom random;
    int left = 0;
    const auto full = [&](std::string_view) -> Result<void> {
        if (left-- > 0)
            return {};
        return Error{Errc::exhausted, "disk full"};
    };
    const auto at_header = Sealer::create(test::signed_options(), random, full);
    REQUIRE_FALSE(at_header);
    CHECK(at_header.error().message() == "disk full");
    left = 1;
    auto sealer = Sealer::create(test::signed_options(), random, full);
    REQUIRE(sealer);
    CHECK(sealer->push(test::text_of_size(70000)).error().message() == "disk full");
    CHECK(sealer->push("x").error().code() == Errc::conflict);
    CHECK(sealer->finish().error().code() == Errc::conflict);
    auto finished = Sealer::create(test::signed_options(), random, ignore);
    REQUIRE(finished);
    REQUIRE(finished->finish());
    CHECK(finished->push("x").error().code() == Errc::conflict);
    CHECK(finished->finish().error().code() == Errc::conflict);
}

TEST_CASE("small secrets are sealed and opened in memory", "[crypto]")
{
    SystemRandom random;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65536}, kMaxSmallSecretSize}) {
        const std::string plain = test::text_of_size(size);
        const auto envelope = seal_small(plain, test::signed_options(), random);
        REQUIRE(envelope);
        const auto opened = open_small(*envelope, test::open_options());
        REQUIRE(opened);
        CHECK((opened->reveal() == plain));
        const auto cut = open_small(envelope->substr(0, envelope->size() - 1), test::open_options());
        CHECK_FALSE(cut);
    }
}

TEST_CASE("what is larger than a small secret is refused in both directions", "[crypto]")
{
    SystemRandom random;
    const std::string plain = test::text_of_size(kMaxSmallSecretSize + 1);
    CHECK(seal_small(plain, test::signed_options(), random).error().code() == Errc::exhausted);
    CHECK(open_small(test::seal(plain, test::signed_options()), test::open_options()).error().code()
        == Errc::exhausted);
    const std::string huge(2 * kMaxSmallSecretSize, 'x');
    CHECK(open_small(huge, test::open_options()).error().code() == Errc::exhausted);
}

} // namespace slipway::crypto
