#pragma once

#include "common/result.h"
#include "common/secret.h"
#include "crypto/envelope_header.h"
#include "crypto/unwrap_memory.h"

#include <string>
#include <string_view>
#include <vector>

namespace slipway::crypto {

/// What is derived from a file key (docs/envelope.md, "Key schedule").
[[nodiscard]] Digest file_key_commitment(const Secret& file_key, const Digest& salt);
[[nodiscard]] Secret payload_key(const Secret& file_key, const EnvelopeHeader& header);
/// The code over the header's recipient list.
[[nodiscard]] Digest recipients_mac(const Secret& file_key, const EnvelopeHeader& header);

/// What a maker signs.
[[nodiscard]] std::string signed_message(std::string_view fixed_bytes);

/// Replaces the header's recipient list and its code. Fails with `invalid_input` when there is no recipient
/// or too many.
[[nodiscard]] Result<void> set_recipients(
    EnvelopeHeader& header, const Secret& file_key, const std::vector<PublicKey>& recipients);

/// The file key, by one of `keys`, after commitment and recipient list have been checked. `memory` saves the
/// unwrapping, and learns what was unwrapped; may be null.
[[nodiscard]] Result<Secret> recover_file_key(
    const EnvelopeHeader& header, const std::vector<PrivateKey>& keys, UnwrapMemory* memory = nullptr);

} // namespace slipway::crypto
