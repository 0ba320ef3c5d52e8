#pragma once

#include "common/protocol/fence.h"
#include "common/random.h"
#include "common/result.h"
#include "crypto/envelope.h"
#include "crypto/key.h"
#include "crypto/unwrap_memory.h"
#include "launcher/job_host.h"

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::launcher {

/// Envelopes under the pool's keys, which may be replaced while it works. Thread-safe; what `seal` returns
/// belongs to one thread.
class Vault {
public:
    /// `keys`: the first one seals and signs, each may open. Not empty. `random` outlives the vault.
    Vault(std::vector<crypto::PrivateKey> keys, Random& random);

    /// From now on `keys`, which is not empty, as for the constructor. Keys that are not among them go on
    /// opening, for the stages that are held, until `forget_replaced`.
    void replace(std::vector<crypto::PrivateKey> keys);
    /// Nothing is held any more that an earlier key has sealed.
    void forget_replaced();

    /// An envelope for the pool, signed by the first key and readable with each, written to `fd` from its
    /// position on.
    [[nodiscard]] Result<crypto::Sealer> seal(const crypto::EnvelopeContext& context, int fd) const;

    /// Gives the plain bytes of the envelope in `fd`, from its start, to `plain`, each after it was
    /// authenticated. Fails when it was not made and signed under one of the pool's keys for this very
    /// context; what `plain` got is the whole only after a success.
    [[nodiscard]] Result<void> open(const crypto::EnvelopeContext& context, int fd, const Sink& plain) const;

    /// What a client has sealed to the pool, of at most `most` plain bytes (`invalid_input` above). Its
    /// context is the pool and the name of the variable or file.
    [[nodiscard]] Result<Secret> open_sealed(const std::string& pool_id, const std::string& name,
        std::string_view envelope, std::size_t most) const;

    /// As `open_sealed`, of a variable, in base64.
    [[nodiscard]] Result<Secret> open_secret(
        const std::string& pool_id, const std::string& name, std::string_view base64) const;

private:
    [[nodiscard]] crypto::OpenOptions options(
        const crypto::EnvelopeContext& context, crypto::SignaturePolicy policy) const;

    [[nodiscard]] std::vector<crypto::PrivateKey> sealing_keys() const;

    mutable std::mutex mutex_;
    std::vector<crypto::PrivateKey> keys_; // Guarded by mutex_, as the next one.
    std::vector<crypto::PrivateKey> replaced_;
    Random& random_;
    /// A stage is opened where the one before was sealed, and the secrets of a stack with each run.
    mutable crypto::UnwrapMemory memory_;
};

} // namespace slipway::launcher
