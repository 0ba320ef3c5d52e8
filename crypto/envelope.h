#pragma once

#include "common/random.h"
#include "common/result.h"
#include "common/secret.h"
#include "crypto/key.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::crypto {

class UnwrapMemory;

/// Plaintext bytes of each chunk but the last.
inline constexpr std::size_t kEnvelopeChunkSize = 64 * 1024;
inline constexpr std::size_t kMaxEnvelopeRecipients = 64;
/// Bytes of each text field of a context.
inline constexpr std::size_t kMaxEnvelopeContextField = 128;
/// The longest header that the format allows.
inline constexpr std::size_t kMaxEnvelopeHeaderSize = 70 * 1024;
/// Plaintext bytes of `seal_small`.
inline constexpr std::size_t kMaxSmallSecretSize = 1024 * 1024;

/// Takes bytes that are valid during the call only. A failure ends the operation and is handed on.
using ByteSink = std::function<Result<void>(std::string_view)>;

/// What an envelope is about. It is readable by anyone, bound to the content, and must be what the reader
/// expects, so no envelope can stand in for another. Fields that make no sense for an object are empty.
struct EnvelopeContext {
    std::string pool;
    std::string run;
    std::string stage;
    std::uint64_t fence = 0;
    std::string object; ///< For example "workspace".

    friend bool operator==(const EnvelopeContext&, const EnvelopeContext&) = default;
};

struct SealOptions {
    EnvelopeContext context;
    std::vector<PublicKey> recipients; ///< 1 to 64; a key given twice counts once.
    std::optional<PrivateKey> maker; ///< Signs; none makes an unsigned envelope.
    UnwrapMemory* memory = nullptr; ///< Learns how to open it; for one who holds a recipient's private key.
};

/// Seals a stream in constant memory (format: docs/envelope.md). One thread.
class Sealer {
public:
    /// Makes a new file key and writes the header to `sink`. Fails with `invalid_input` if the options break
    /// a limit.
    static Result<Sealer> create(const SealOptions& options, Random& random, ByteSink sink);

    Sealer(Sealer&& other) noexcept;
    Sealer& operator=(Sealer&& other) noexcept;
    ~Sealer();

    /// Seals more bytes; what is full is written to the sink.
    [[nodiscard]] Result<void> push(std::string_view bytes);

    /// Writes the last chunk. Without it the envelope is truncated and no one will take it.
    [[nodiscard]] Result<void> finish();

private:
    struct Impl;
    explicit Sealer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

enum class SignaturePolicy : std::uint8_t {
    signature_required, ///< One of `OpenOptions::makers` must have signed.
    unsigned_allowed, ///< No proof of the maker is asked for; a signature by one of `makers` must still fit.
};

struct OpenOptions {
    EnvelopeContext context; ///< What must be inside.
    std::vector<PrivateKey> keys; ///< Any one of them will do.
    SignaturePolicy policy = SignaturePolicy::signature_required;
    std::vector<PublicKey> makers; ///< Whose signature counts.
    UnwrapMemory* memory = nullptr; ///< Saves the unwrapping of file keys that it knows; outlives the opener.
};

/// Opens a stream in constant memory. Each chunk is authenticated before a byte of it reaches the sink, so
/// what the sink got is a true beginning of the content; it is the whole only after `finish` succeeded.
///
/// Fails with `invalid_input` (not an envelope, malformed, truncated), `conflict` (another context: which
/// field), `not_found` (sealed for other keys: which), or `rejected` (unsigned, unknown maker, wrong
/// signature, changed bytes, chunks out of place, bytes after the end). After a failure every call fails the
/// same way. One thread.
class Opener {
public:
    Opener(OpenOptions options, ByteSink sink);
    Opener(Opener&& other) noexcept;
    Opener& operator=(Opener&& other) noexcept;
    ~Opener();

    /// The next bytes of the envelope, split anywhere.
    [[nodiscard]] Result<void> push(std::string_view bytes);

    /// No more bytes will come.
    [[nodiscard]] Result<void> finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// What can be read without a key. Nothing of it is authenticated.
struct EnvelopeInfo {
    EnvelopeContext context;
    std::optional<Digest> maker; ///< Fingerprint of the key that is said to have signed.
    std::vector<Digest> recipients; ///< Fingerprints of the keys that can open it.
    std::size_t header_size = 0; ///< The payload follows.
};

/// The header's length, once `prefix` (the first bytes of an envelope) is long enough to tell; nothing before
/// that. Fails with `invalid_input` as soon as it cannot be an envelope.
[[nodiscard]] Result<std::optional<std::size_t>> envelope_header_size(std::string_view prefix);

/// Reads the header at the start of `prefix`, which must hold all of it.
[[nodiscard]] Result<EnvelopeInfo> read_envelope_info(std::string_view prefix);

/// A header that opens for `recipients` (and no one else), from one that opens for one of `keys`. Fixed part,
/// signature and payload stay as they are: the new header goes in front of the old payload. `header` is
/// exactly the old header. The caller vouches for `recipients`; the signature is not checked. Fails as
/// `Opener` does.
[[nodiscard]] Result<std::string> rewrap_envelope_header(
    std::string_view header, const std::vector<PrivateKey>& keys, const std::vector<PublicKey>& recipients);

/// A whole envelope in memory, for secrets of up to `kMaxSmallSecretSize` bytes (`exhausted` above).
[[nodiscard]] Result<std::string> seal_small(
    std::string_view plain, const SealOptions& options, Random& random);

/// Opens what `seal_small` made, or any envelope with no more content than that.
[[nodiscard]] Result<Secret> open_small(std::string_view envelope, OpenOptions options);

} // namespace slipway::crypto
