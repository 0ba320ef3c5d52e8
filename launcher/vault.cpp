#include "launcher/vault.h"

#include "common/base64.h"
#include "common/file.h"

#include <unistd.h>

#include <cerrno>

namespace slipway::launcher {

Vault::Vault(std::vector<crypto::PrivateKey> keys, Random& random)
    : keys_{std::move(keys)}
    , random_{random}
{
}

crypto::OpenOptions Vault::options(
    const crypto::EnvelopeContext& context, crypto::SignaturePolicy policy) const
{
    crypto::OpenOptions options{.context = context, .keys = keys_, .policy = policy, .makers = {}};
    for (const auto& key : keys_)
        options.makers.push_back(key.public_key());
    return options;
}

Result<crypto::Sealer> Vault::seal(const crypto::EnvelopeContext& context, int fd) const
{
    const auto& key = keys_.front();
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
