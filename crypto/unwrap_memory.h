#pragma once

#include "common/secret.h"
#include "crypto/digest.h"

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

namespace slipway::crypto {

/// File keys that a private key which is held here has unwrapped, or would: to unwrap one with a key of 4096
/// bits takes milliseconds. What is recalled is what the private key would make of the very same bytes, so
/// nothing opens with it that would not open without. Keeps the newest. Thread-safe.
class UnwrapMemory {
public:
    /// So many file keys at most.
    static constexpr std::size_t kMost = 64;

    /// `wrapped`, for the key with the fingerprint `key_id`, holds `file_key`.
    void remember(const Digest& key_id, std::string_view wrapped, const Secret& file_key);
    /// Nothing when it was never known, or so long ago that others took its place.
    [[nodiscard]] std::optional<Secret> recall(const Digest& key_id, std::string_view wrapped) const;
    /// Nothing is known any more.
    void forget();

private:
    mutable std::mutex mutex_;
    std::deque<std::pair<Digest, Secret>> known_; ///< By the hash of both; the newest in front.
};

} // namespace slipway::crypto
