#pragma once

#include "crypto/envelope.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::crypto::test {

/// A sealed chunk: its content and a tag of 16 bytes.
inline constexpr std::size_t kSealedSize = kEnvelopeChunkSize + 16;

EnvelopeContext context();

/// Signed by the first key for the first key.
SealOptions signed_options();
/// What opens `signed_options`.
OpenOptions open_options();

/// Bytes without a pattern that repeats within a chunk.
std::string text_of_size(std::size_t size);

/// The envelope of `plain`, pushed in pieces of `step` bytes. Throws std::runtime_error when that fails.
std::string seal(std::string_view plain, const SealOptions& options, std::size_t step = 1'000'000);

struct Opened {
    std::string plain; ///< What was handed out, be it the whole or not.
    Result<void> result;
};

/// Opens `envelope`, pushed in pieces of `step` bytes.
Opened open(std::string_view envelope, OpenOptions options = open_options(), std::size_t step = 1'000'000);

/// An envelope taken apart.
struct Parts {
    std::string header;
    std::vector<std::string> chunks; ///< As they were sealed.

    [[nodiscard]] std::string joined() const;
};

Parts take_apart(const std::string& envelope);

} // namespace slipway::crypto::test
