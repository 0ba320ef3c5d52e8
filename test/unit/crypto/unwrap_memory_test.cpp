#include "crypto/envelope_header.h"
#include "crypto/unwrap_memory.h"
#include "test/unit/crypto/envelopes.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

namespace slipway::crypto {

using test::first_key;

namespace {

EnvelopeHeader header_of(const std::string& envelope)
{
    const auto size = envelope_header_size(envelope);
    REQUIRE(size);
    REQUIRE(*size);
    auto header = parse_header(std::string_view{envelope}.substr(0, **size));
    REQUIRE(header);
    return *std::move(header);
}

bool knows(const UnwrapMemory& memory, const EnvelopeHeader& header)
{
    const auto& recipient = header.recipients.at(0);
    return memory.recall(recipient.key_id, recipient.wrapped_key).has_value();
}

Result<void> open_with(UnwrapMemory& memory, const std::string& envelope)
{
    auto options = test::open_options();
    options.memory = &memory;
    return test::open(envelope, options).result;
}

} // namespace

TEST_CASE("who seals or opens an envelope with a memory knows its file key from then on", "[crypto]")
{
    UnwrapMemory memory;
    const bool seals = GENERATE(true, false);
    auto options = test::signed_options();
    options.memory = seals ? &memory : nullptr;
    const auto envelope = test::seal("hello", options);
    const auto header = header_of(envelope);
    CHECK(knows(memory, header) == seals);
    CHECK(open_with(memory, envelope));
    CHECK(knows(memory, header));
    CHECK(open_with(memory, envelope));
    memory.forget();
    CHECK_FALSE(knows(memory, header));
}

TEST_CASE("a file key that is remembered is checked as one that was unwrapped", "[crypto]")
{
    UnwrapMemory memory;
    const auto envelope = test::seal("hello", test::signed_options());
    const auto header = header_of(envelope);
    const auto& recipient = header.recipients.at(0);
    memory.remember(recipient.key_id, recipient.wrapped_key, Secret{std::string(32, 'x')});
    const auto opened = open_with(memory, envelope);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code() == Errc::rejected);
}

TEST_CASE("what is remembered opens nothing for who does not hold the private key", "[crypto]")
{
    UnwrapMemory memory;
    auto sealing = test::signed_options();
    sealing.memory = &memory;
    const auto envelope = test::seal("hello", sealing);
    auto options = test::open_options();
    options.keys.clear();
    options.memory = &memory;
    const auto opened = test::open(envelope, options);
    REQUIRE_FALSE(opened.result);
    CHECK(opened.result.error().code() == Errc::not_found);
}

TEST_CASE("an envelope that is refused leaves nothing in the memory", "[crypto]")
{
    UnwrapMemory memory;
    auto envelope = test::seal("hello", test::signed_options());
    const auto header = header_of(envelope);
    const auto size = envelope_header_size(envelope);
    envelope[**size - 1] = static_cast<char>(envelope[**size - 1] ^ 1); // of the code over the recipients
    CHECK_FALSE(open_with(memory, envelope));
    CHECK_FALSE(knows(memory, header));
}

TEST_CASE("the newest file keys are kept", "[crypto]")
{
    UnwrapMemory memory;
    const auto key_id = first_key().fingerprint();
    for (std::size_t i = 0; i <= UnwrapMemory::kMost; ++i)
        memory.remember(key_id, std::to_string(i), Secret{"k"});
    CHECK_FALSE(memory.recall(key_id, "0"));
    CHECK(memory.recall(key_id, "1"));
    CHECK(memory.recall(key_id, std::to_string(UnwrapMemory::kMost)));
}

} // namespace slipway::crypto
