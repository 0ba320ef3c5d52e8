#pragma once

#include "common/result.h"
#include "common/secret.h"

#include <cstddef>
#include <string>
#include <string_view>

/// Ed25519 (RFC 8032) with keys as libsodium lays them out. Thread-safe.
namespace slipway::crypto {

inline constexpr std::size_t kEd25519Signature = 64;
inline constexpr std::size_t kEd25519PublicKey = 32;
inline constexpr std::size_t kEd25519SecretKey = 64; ///< The seed, then the public key.

/// Fails with `rejected` when the signature is not that of the message by this key, and with `invalid_input`
/// when one of them has the wrong size.
[[nodiscard]] Result<void> verify_ed25519(
    std::string_view message, std::string_view signature, std::string_view public_key);

/// The 64 bytes of signature. `invalid_input`: no such key, or its two halves belong to different keys.
[[nodiscard]] Result<std::string> sign_ed25519(std::string_view message, const Secret& secret_key);

} // namespace slipway::crypto
