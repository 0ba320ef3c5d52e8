#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace slipway {

/// Randomness as an injected value. Thread-safe.
class Random {
public:
    virtual ~Random() = default;
    virtual void fill(std::span<std::byte> bytes) = 0;

    /// Uniform in [0, bound); `bound` must not be 0.
    [[nodiscard]] std::uint64_t below(std::uint64_t bound);
};

/// The operating system's generator through OpenSSL: fit for keys and tokens. Ends the process if it fails,
/// since nothing safe can follow.
class SystemRandom final : public Random {
public:
    void fill(std::span<std::byte> bytes) override;
};

} // namespace slipway
