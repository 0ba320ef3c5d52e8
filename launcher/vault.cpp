#include "launcher/vault.h"

#include "common/base64.h"
#include "common/file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipway::launcher {

Vault::Vault(std::vector<crypto::PrivateKey> keys, Random& random)
    : keys_{std::move(keys)}
    , random_{random}
{
}

void Vault::replace(std::vector<crypto::PrivateKey> keys)
{
    const std::lock_guard lock{mutex_};
    const auto holds = [](const auto& list, const crypto::PrivateKey& key) {
        return std::ranges::any_of(
            list, [&](const auto& other) { return other.fingerprint() == key.fingerprint(); });
    };
    for (auto& key : keys_)
        if (!holds(keys, key) && !holds(replaced_, key))
            replaced_.push_back(std::move(key));
    keys_ = std::move(keys);
}

void Vault::forget_replaced()
{
    const std::lock_guard lock{mutex_};
    replaced_.clear();
}

crypto::PrivateKey Vault::sealing_key() const
{
    const std::lock_guard lock{mutex_};
    return keys_.front();
}

crypto::OpenOptions Vault::options(
    const crypto::EnvelopeContext& context, crypto::SignaturePolicy policy) const
{
    crypto::OpenOptions options{.context = context, .keys = {}, .policy = policy, .makers = {}};
    {
        const std::lock_guard lock{mutex_};
        options.keys = keys_;
        options.keys.insert(options.keys.end(), replaced_.begin(), replaced_.end());
    }
    for (const auto& key : options.keys)
        options.makers.push_back(key.public_key());
    return options;
}

Result<crypto::Sealer> Vault::seal(const crypto::EnvelopeContext& context, int fd) const
{
    const auto key = sealing_key();
    return crypto::Sealer::create({.context = context, .recipients = {key.public_key()}, .maker = key},
        random_, [fd](std::string_view bytes) { return in("writing an envelope", write_all(fd, bytes)); });
}

Result<void> Vault::open(const crypto::EnvelopeContext& context, int fd, const Sink& plain) const
{
    crypto::Opener opener{options(context, crypto::SignaturePolicy::signature_required), plain};
    std::string sealed(crypto::kEnvelopeChunkSize, '\0');
    for (off_t offset = 0;;) {
        const ssize_t count = ::pread(fd, sealed.data(), sealed.size(), offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Error::from_errno("reading an envelope", errno);
        if (count == 0)
            return opener.finish();
        SLIPWAY_TRY(opener.push({sealed.data(), static_cast<std::size_t>(count)}));
        offset += count;
    }
}

Result<Secret> Vault::open_secret(
    const std::string& pool_id, const std::string& name, std::string_view base64) const
{
    const std::string envelope = SLIPWAY_TRY(base64_decode(base64));
    crypto::EnvelopeContext context;
    context.pool = pool_id;
    context.object = name;
    return crypto::open_small(envelope, options(context, crypto::SignaturePolicy::unsigned_allowed));
}

} // namespace slipway::launcher
