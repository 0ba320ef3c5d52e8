#pragma once

#include "launcher/compression.h"
#include "test/unit/launcher/engine_house.h"

#include <algorithm>

/// What pool keys and launchers make of bytes, for tests.
namespace slipway::test {

inline Result<std::string> compressed(std::string_view plain)
{
    std::string out;
    const launcher::Sink sink = [&](std::string_view bytes) -> Result<void> {
        out.append(bytes);
        return {};
    };
    launcher::Compressor compressor{sink};
    SLIPWAY_TRY(compressor.push(plain));
    SLIPWAY_TRY(compressor.finish());
    return out;
}

/// In pieces of `piece` bytes.
inline Result<std::string> decompressed(std::string_view bytes, std::size_t piece = 1000)
{
    std::string out;
    const launcher::Sink sink = [&](std::string_view more) -> Result<void> {
        out.append(more);
        return {};
    };
    launcher::Decompressor decompressor{sink};
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        SLIPWAY_TRY(decompressor.push(bytes.substr(at, piece)));
    SLIPWAY_TRY(decompressor.finish());
    return out;
}

inline std::string sealed(const crypto::EnvelopeContext& context, std::string_view plain,
    std::optional<crypto::PrivateKey> maker = engine_pool_key())
{
    SystemRandom random;
    std::string envelope;
    auto sealer = crypto::Sealer::create(
        {.context = context, .recipients = {engine_pool_key().public_key()}, .maker = std::move(maker)},
        random, [&](std::string_view bytes) -> Result<void> {
            envelope.append(bytes);
            return {};
        });
    REQUIRE(sealer);
    REQUIRE(sealer->push(plain));
    REQUIRE(sealer->finish());
    return envelope;
}

inline bool was_put(const FakeHost& host, std::string_view text)
{
    const auto puts = host.puts();
    return std::any_of(
        puts.begin(), puts.end(), [&](const auto& put) { return put.find(text) != std::string::npos; });
}

} // namespace slipway::test
