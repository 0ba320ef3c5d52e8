#include "common/file.h"
#include "crypto/envelope.h"
#include "test/unit/crypto/envelopes.h"

#include <catch2/catch.hpp>

namespace slipway::crypto {

namespace {

std::string data(const std::string& name)
{
    auto content = read_file(std::string{SLIPWAY_TEST_DATA} + "/" + name, 1024 * 1024);
    REQUIRE(content);
    return *std::move(content);
}

} // namespace

TEST_CASE("an envelope of version 1 that was kept opens as it did", "[crypto]")
{
    const auto key = PrivateKey::from_pem(data("envelope-test-key.pem"));
    REQUIRE(key);
    const std::string envelope = data("envelope.bin");
    const std::string plain = data("envelope.txt");
    REQUIRE(plain.size() > kEnvelopeChunkSize);
    const EnvelopeContext context{.pool = "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        .run = "example-run",
        .stage = "plan",
        .fence = 7,
        .object = "workspace"};
    const auto info = read_envelope_info(envelope);
    REQUIRE(info);
    CHECK(info->context == context);
    const auto opened = test::open(envelope,
        {.context = context,
            .keys = {*key},
            .policy = SignaturePolicy::signature_required,
            .makers = {key->public_key()}});
    REQUIRE(opened.result);
    CHECK((opened.plain == plain));
}

} // namespace slipway::crypto
