#include "launcher/vault.h"

#include "common/base64.h"
#include "common/file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipway::launcher {

namespace {

std::vector<crypto::PublicKey> public_keys(const std::vector<crypto::PrivateKey>& keys)
{
    std::vector<crypto::PublicKey> list;
    list.reserve(keys.size());
    for (const auto& key : keys)
        list.push_back(key.public_key());
    return list;
}

} // namespace

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
    memory_.forget();
}

void Vault::forget_replaced()
{
    const std::lock_guard lock{mutex_};
    replaced_.clear();
}

std::vector<crypto::PrivateKey> Vault::sealing_keys() const
{
    const std::lock_guard lock{mutex_};
    return keys_;
}

crypto::OpenOptions Vault::options(
    const crypto::EnvelopeContext& context, crypto::SignaturePolicy policy) const
{
    crypto::OpenOptions options{
        .context = context, .keys = {}, .policy = policy, .makers = {}, .memory = &memory_};
    {
        const std::lock_guard lock{mutex_};
        options.keys = keys_;
        options.keys.insert(options.keys.end(), replaced_.begin(), replaced_.end());
    }
    options.makers = public_keys(options.keys);
    return options;
}

Result<crypto::Sealer> Vault::seal(const crypto::EnvelopeContext& context, int fd) const
{
    const auto keys = sealing_keys();
    return crypto::Sealer::create(
        {.context = context, .recipients = public_keys(keys), .maker = keys.front(), .memory = &memory_},
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
    return open_sealed(pool_id, name, SLIPWAY_TRY(base64_decode(base64)), crypto::kMaxSmallSecretSize);
}

Result<Secret> Vault::open_sealed(
    const std::string& pool_id, const std::string& name, std::string_view envelope, std::size_t most) const
{
    crypto::EnvelopeContext context;
    context.pool = pool_id;
    context.object = name;
    std::string plain;
    plain.reserve(std::min(most, envelope.size())); // so that no part of it is left behind in growing
    const Sink append = [&](std::string_view bytes) -> Result<void> {
        if (plain.size() + bytes.size() > most)
            return Error{Errc::invalid_input, "it holds more than " + std::to_string(most) + " bytes"};
        plain.append(bytes);
        return {};
    };
    crypto::Opener opener{options(context, crypto::SignaturePolicy::unsigned_allowed), append};
    auto opened = opener.push(envelope);
    if (opened)
        opened = opener.finish();
    Secret secret = Secret::take(plain);
    if (!opened)
        return std::move(opened).error();
    return secret;
}

} // namespace slipway::launcher
