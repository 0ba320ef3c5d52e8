#include "common/secret.h"
#include "crypto/envelope.h"
#include "crypto/envelope_chunks.h"
#include "crypto/envelope_keys.h"

#include <algorithm>
#include <span>

namespace slipway::crypto {

struct Sealer::Impl {
    Impl(ChunkCipher chunk_cipher, ByteSink byte_sink)
        : cipher{std::move(chunk_cipher)}
        , sink{std::move(byte_sink)}
    {
        pending.reserve(kEnvelopeChunkSize); // never moves, so that no copy stays behind
    }

    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    ~Impl() { wipe(pending); }

    Result<void> write(std::string_view plain, ChunkCipher::Place place)
    {
        SLIPWAY_TRY(cipher.seal(plain, place, sealed));
        return sink(sealed);
    }

    ChunkCipher cipher;
    ByteSink sink;
    std::string pending; ///< Kept back until it is known not to be the last chunk.
    std::string sealed;
    enum class State : std::uint8_t { open, finished, failed } state = State::open;
};

namespace {

Digest random_bytes(Random& random)
{
    Digest bytes;
    random.fill(std::as_writable_bytes(std::span{bytes.bytes}));
    return bytes;
}

Secret random_key(Random& random)
{
    std::string bytes(kEnvelopeKeySize, '\0');
    random.fill(std::as_writable_bytes(std::span{bytes}));
    return Secret::take(bytes);
}

Result<EnvelopeHeader> make_header(const SealOptions& options, const Secret& file_key, Random& random)
{
    EnvelopeHeader header;
    header.fixed.salt = random_bytes(random);
    header.fixed.commitment = file_key_commitment(file_key, header.fixed.salt);
    header.fixed.context = options.context;
    if (options.maker)
        header.fixed.maker = options.maker->fingerprint();
    header.fixed_bytes = SLIPWAY_TRY(encode_fixed(header.fixed));
    if (options.maker)
        header.signature = SLIPWAY_TRY(options.maker->sign(signed_message(header.fixed_bytes)));
    SLIPWAY_TRY(set_recipients(header, file_key, options.recipients));
    return header;
}

} // namespace

Sealer::Sealer(std::unique_ptr<Impl> impl)
    : impl_{std::move(impl)}
{
}

Sealer::Sealer(Sealer&& other) noexcept = default;
Sealer& Sealer::operator=(Sealer&& other) noexcept = default;
Sealer::~Sealer() = default;

Result<Sealer> Sealer::create(const SealOptions& options, Random& random, ByteSink sink)
{
    const Secret file_key = random_key(random);
    const auto header = SLIPWAY_TRY(make_header(options, file_key, random));
    auto cipher
        = SLIPWAY_TRY(ChunkCipher::create(ChunkCipher::Direction::seal, payload_key(file_key, header)));
    if (options.memory != nullptr)
        for (const auto& recipient : header.recipients)
            options.memory->remember(recipient.key_id, recipient.wrapped_key, file_key);
    SLIPWAY_TRY(sink(encode_header(header)));
    return Sealer{std::make_unique<Impl>(std::move(cipher), std::move(sink))};
}

Result<void> Sealer::push(std::string_view bytes)
{
    if (impl_->state != Impl::State::open)
        return Error{Errc::conflict, "the envelope is finished or failed before"};
    while (!bytes.empty()) {
        Result<void> written;
        if (impl_->pending.empty() && bytes.size() > kEnvelopeChunkSize) {
            written = impl_->write(bytes.substr(0, kEnvelopeChunkSize), ChunkCipher::Place::middle);
            bytes.remove_prefix(kEnvelopeChunkSize);
        } else if (impl_->pending.size() == kEnvelopeChunkSize) {
            written = impl_->write(impl_->pending, ChunkCipher::Place::middle);
            impl_->pending.clear();
        } else {
            const auto part = bytes.substr(0, kEnvelopeChunkSize - impl_->pending.size());
            impl_->pending += part;
            bytes.remove_prefix(part.size());
        }
        if (!written) {
            impl_->state = Impl::State::failed;
            return written;
        }
    }
    return {};
}

Result<void> Sealer::finish()
{
    if (impl_->state != Impl::State::open)
        return Error{Errc::conflict, "the envelope is finished or failed before"};
    impl_->state = Impl::State::finished;
    auto written = impl_->write(impl_->pending, ChunkCipher::Place::last);
    wipe(impl_->pending);
    if (!written)
        impl_->state = Impl::State::failed;
    return written;
}

Result<std::string> seal_small(std::string_view plain, const SealOptions& options, Random& random)
{
    if (plain.size() > kMaxSmallSecretSize)
        return Error{
            Errc::exhausted, "larger than the limit of " + std::to_string(kMaxSmallSecretSize) + " bytes"};
    std::string envelope;
    auto sealer = SLIPWAY_TRY(Sealer::create(options, random, [&](std::string_view bytes) -> Result<void> {
        envelope += bytes;
        return {};
    }));
    SLIPWAY_TRY(sealer.push(plain));
    SLIPWAY_TRY(sealer.finish());
    return envelope;
}

} // namespace slipway::crypto
