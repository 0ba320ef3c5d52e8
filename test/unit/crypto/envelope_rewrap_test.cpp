#include "crypto/envelope.h"
#include "test/unit/crypto/envelopes.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

namespace slipway::crypto {

using Catch::Matchers::Contains;
using test::first_key;
using test::second_key;
using test::third_key;

namespace {

OpenOptions reader(const PrivateKey& key)
{
    OpenOptions options = test::open_options();
    options.keys = {key};
    return options;
}

} // namespace

TEST_CASE("a re-wrapped envelope opens for the new recipients only", "[crypto]")
{
    const std::string plain = test::text_of_size(70000);
    auto parts = test::take_apart(test::seal(plain, test::signed_options()));
    const auto header = rewrap_envelope_header(
        parts.header, {first_key()}, {second_key().public_key(), third_key().public_key()});
    REQUIRE(header);
    parts.header = *header;
    for (const auto& key : {second_key(), third_key()}) {
        const auto opened = test::open(parts.joined(), reader(key));
        REQUIRE(opened.result);
        CHECK((opened.plain == plain));
    }
    const auto old = test::open(parts.joined(), reader(first_key()));
    REQUIRE_FALSE(old.result);
    CHECK(old.result.error().code() == Errc::not_found);
}

TEST_CASE("re-wrapping leaves what was signed as it is", "[crypto]")
{
    const std::string before = test::take_apart(test::seal("hello", test::signed_options())).header;
    const auto after
        = rewrap_envelope_header(before, {third_key(), first_key()}, {second_key().public_key()});
    REQUIRE(after);
    const std::size_t list_at = before.size() - 32 - 256 - 2 - 32 - 1;
    CHECK(after->substr(0, list_at) == before.substr(0, list_at));
    CHECK(after->substr(list_at) != before.substr(list_at));
    const auto back = rewrap_envelope_header(*after, {second_key()}, {first_key().public_key()});
    REQUIRE(back);
    CHECK(read_envelope_info(*back)->recipients == std::vector<Digest>{first_key().fingerprint()});
}

TEST_CASE("re-wrapping needs a key that opens, at least one reader and an unchanged header", "[crypto]")
{
    const std::string header = test::take_apart(test::seal("hello", test::signed_options())).header;
    const std::vector<PublicKey> readers{second_key().public_key()};
    const auto code = [](const Result<std::string>& rewrapped) {
        REQUIRE_FALSE(rewrapped);
        return rewrapped.error().code();
    };
    CHECK(code(rewrap_envelope_header(header, {second_key()}, readers)) == Errc::not_found);
    CHECK(code(rewrap_envelope_header(header, {}, readers)) == Errc::not_found);
    CHECK(code(rewrap_envelope_header(header, {first_key()}, {})) == Errc::invalid_input);
    CHECK(code(rewrap_envelope_header(header + 'x', {first_key()}, readers)) == Errc::invalid_input);
    CHECK(code(rewrap_envelope_header(header.substr(1), {first_key()}, readers)) == Errc::invalid_input);
    CHECK(code(rewrap_envelope_header(header.substr(0, header.size() - 1), {first_key()}, readers))
        == Errc::invalid_input);
    std::string run_changed = header;
    run_changed[header.find("run-7") + 4] = '8';
    CHECK(code(rewrap_envelope_header(run_changed, {first_key()}, readers)) == Errc::rejected);
    std::string code_changed = header;
    code_changed.back() = static_cast<char>(code_changed.back() ^ 1);
    CHECK(code(rewrap_envelope_header(code_changed, {first_key()}, readers)) == Errc::rejected);
}

TEST_CASE("the header of one envelope does not fit the payload of another after re-wrapping", "[crypto]")
{
    const auto one = test::take_apart(test::seal("hello", test::signed_options()));
    auto two = test::take_apart(test::seal("world", test::signed_options()));
    const auto header = rewrap_envelope_header(one.header, {first_key()}, {second_key().public_key()});
    REQUIRE(header);
    two.header = *header;
    const auto opened = test::open(two.joined(), reader(second_key()));
    REQUIRE_FALSE(opened.result);
    CHECK(opened.plain.empty());
}

} // namespace slipway::crypto
