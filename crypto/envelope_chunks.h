#pragma once

#include "common/result.h"
#include "common/secret.h"
#include "crypto/openssl_ptr.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::crypto {

inline constexpr std::size_t kTagSize = 16;

/// AES-256-GCM over numbered chunks; the nonce is the number (11 bytes) and whether the chunk is the last.
/// The key must be fresh: one object each. One thread.
class ChunkCipher {
public:
    enum class Direction : std::uint8_t { seal, open };
    enum class Place : std::uint8_t { middle = 0, last = 1 };

    static Result<ChunkCipher> create(Direction direction, const Secret& key);

    /// Replaces `out` by the next chunk and its tag.
    [[nodiscard]] Result<void> seal(std::string_view plain, Place place, std::string& out);

    /// Replaces `out` by the next chunk's content; `out` is empty unless all of it is authentic. A failure is
    /// `rejected`
    /// (`invalid_input` for a truncation) and names the chunk.
    [[nodiscard]] Result<void> open(std::string_view sealed, Place place, std::string& out);

    [[nodiscard]] std::uint64_t done() const noexcept { return counter_; }

private:
    explicit ChunkCipher(EvpCipherCtx context);
    [[nodiscard]] Result<void> start(Place place);
    enum class Verdict : std::uint8_t { authentic, wrong };
    [[nodiscard]] Result<Verdict> try_open(std::string_view sealed, Place place, std::string& out);

    EvpCipherCtx context_;
    std::uint64_t counter_ = 0;
};

} // namespace slipway::crypto
