#pragma once

#include "crypto/key.h"
#include "mothership/cli/api_client.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

/// Secrets are sealed here, before they are sent, so that only the launchers of a pool can read them.
namespace slipway::cli {

/// A pool and the key that secrets are sealed for.
struct SealingPool {
    std::string id;
    std::string name;
    crypto::PublicKey key;
};

/// `$XDG_CONFIG_HOME/slipway/pins.json` or as account_file(): the fingerprints of the pools' keys that were
/// seen first, so that a control plane cannot put another key in the place of one. Readable by its owner
/// alone.
[[nodiscard]] Result<std::filesystem::path> pins_file();

enum class Pin : std::uint8_t { known, first };

/// Remembers the fingerprint (SHA-256 of the SubjectPublicKeyInfo, hexadecimal) of a pool's key; `rejected`
/// when another one is known.
[[nodiscard]] Result<Pin> pin_pool(const std::string& pool_id, const std::string& fingerprint);

/// The fingerprint that is pinned for a pool; nothing: none is.
[[nodiscard]] Result<std::optional<std::string>> pinned(const std::string& pool_id);

/// Pins that one from now on, whatever was pinned.
[[nodiscard]] Result<void> pin_again(const std::string& pool_id, const std::string& fingerprint);

/// The pool (name or id) with its key as the control plane tells it, which must be the one that is pinned;
/// the first one that is seen is pinned, with a line on standard error. `key_file`: a PEM file with the key
/// or a certificate of it, that the key is taken from in place of the control plane's word; may be empty.
[[nodiscard]] Result<SealingPool> sealing_pool(
    ApiClient& client, const std::string& pool, const std::filesystem::path& key_file);

/// An envelope for the pool under the name of a variable or the path of a file. Unsigned: the context is
/// bound to it all the same.
[[nodiscard]] Result<std::string> seal_for(
    const SealingPool& pool, const std::string& name, std::string_view plain);

} // namespace slipway::cli
