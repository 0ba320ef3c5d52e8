#pragma once

#include "common/secret.h"

#include <array>
#include <compare>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace slipway::crypto {

/// 32 bytes that SHA-256 made: a fingerprint, a key id, a message authentication code.
struct Digest {
    static constexpr std::size_t kSize = 32;

    std::array<char, kSize> bytes{};

    [[nodiscard]] std::string_view view() const noexcept { return {bytes.data(), bytes.size()}; }

    /// 64 lower-case hexadecimal digits.
    [[nodiscard]] std::string hex() const;

    /// Compares in constant time: for authentication codes and commitments.
    [[nodiscard]] bool equals(std::string_view other) const noexcept;

    /// Orders public values (key ids); its time depends on the bytes.
    friend auto operator<=>(const Digest&, const Digest&) = default;
};

// The three functions below end the process if OpenSSL fails (out of memory, no provider), since nothing safe
// can follow. Thread-safe.

/// SHA-256 (FIPS 180-4).
[[nodiscard]] Digest sha256(std::string_view bytes);

/// HMAC-SHA-256 (RFC 2104).
[[nodiscard]] Digest hmac_sha256(std::string_view key, std::string_view bytes);

struct HkdfInput {
    std::string_view key; ///< Input keying material; not empty.
    std::string_view salt; ///< Empty stands for 32 zero bytes.
    std::string_view info; ///< Separates keys for different purposes; at most 1024 bytes (OpenSSL's limit).
};

/// HKDF-SHA-256, extract and expand (RFC 5869): `size` bytes, from 1 to 255 * 32.
[[nodiscard]] Secret hkdf_sha256(const HkdfInput& input, std::size_t size);

/// SHA-256 of bytes that come in pieces. One thread.
class Sha256 {
public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();

    void update(std::string_view bytes);
    /// Ends the computation; the object is of no use afterwards.
    [[nodiscard]] Digest finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace slipway::crypto
