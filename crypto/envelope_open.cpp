#include "common/secret.h"
#include "crypto/envelope.h"
#include "crypto/envelope_chunks.h"
#include "crypto/envelope_keys.h"

#include <algorithm>

namespace slipway::crypto {

namespace {

constexpr std::size_t kSealedChunkSize = kEnvelopeChunkSize + kTagSize;

Result<void> check_field(std::string_view name, std::string_view expected, std::string_view found)
{
    if (expected == found)
        return {};
    // Unauthenticated bytes stay out of the message.
    return Error{Errc::conflict,
        "the envelope belongs elsewhere: its " + std::string{name} + " is not \"" + std::string{expected}
            + "\""};
}

Result<void> check_context(const EnvelopeContext& expected, const EnvelopeContext& found)
{
    SLIPWAY_TRY(check_field("pool", expected.pool, found.pool));
    SLIPWAY_TRY(check_field("run", expected.run, found.run));
    SLIPWAY_TRY(check_field("stage", expected.stage, found.stage));
    SLIPWAY_TRY(check_field("fence", std::to_string(expected.fence), std::to_string(found.fence)));
    return check_field("object", expected.object, found.object);
}

Result<void> check_signature(const OpenOptions& options, const EnvelopeHeader& header)
{
    const bool required = options.policy == SignaturePolicy::signature_required;
    if (!header.fixed.maker) {
        if (required)
            return Error{
                Errc::rejected, "the envelope is not signed, but a signature of the pool is required"};
        return {};
    }
    const auto is_maker = [&](const PublicKey& key) { return key.fingerprint() == *header.fixed.maker; };
    const auto maker = std::find_if(options.makers.begin(), options.makers.end(), is_maker);
    if (maker != options.makers.end())
        return in("checking the envelope's maker",
            maker->verify(signed_message(header.fixed_bytes), header.signature));
    if (required)
        return Error{
            Errc::rejected, "the envelope was signed by an unknown key: " + header.fixed.maker->hex()};
    return {};
}

} // namespace

struct Opener::Impl {
    Impl(OpenOptions open_options, ByteSink byte_sink)
        : options{std::move(open_options)}
        , sink{std::move(byte_sink)}
    {
    }

    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    ~Impl() { wipe(plain); }

    Result<void> take(std::string_view bytes);
    Result<void> take_header(std::string_view& bytes);
    Result<void> take_payload(std::string_view bytes);
    Result<void> open_chunk(std::string_view sealed, ChunkCipher::Place place);
    Result<void> end();

    OpenOptions options;
    ByteSink sink;
    std::optional<ChunkCipher> cipher; ///< Once the header is accepted.
    std::string pending; ///< The header's beginning, then a chunk's.
    std::string plain;
    std::optional<Error> failed;
};

Result<void> Opener::Impl::take(std::string_view bytes)
{
    while (!cipher && !bytes.empty())
        SLIPWAY_TRY(take_header(bytes));
    return take_payload(bytes);
}

/// Removes what it used from the front of `bytes`.
Result<void> Opener::Impl::take_header(std::string_view& bytes)
{
    const std::size_t before = pending.size();
    const auto part = bytes.substr(0, kMaxEnvelopeHeaderSize - before);
    pending += part;
    const auto size = SLIPWAY_TRY(envelope_header_size(pending));
    if (!size) {
        bytes.remove_prefix(part.size());
        return {};
    }
    const auto header = SLIPWAY_TRY(parse_header(std::string_view{pending}.substr(0, *size)));
    SLIPWAY_TRY(check_context(options.context, header.fixed.context));
    SLIPWAY_TRY(check_signature(options, header));
    const Secret file_key = SLIPWAY_TRY(recover_file_key(header, options.keys, options.memory));
    cipher = SLIPWAY_TRY(ChunkCipher::create(ChunkCipher::Direction::open, payload_key(file_key, header)));
    bytes.remove_prefix(*size - before);
    pending.clear();
    return {};
}

Result<void> Opener::Impl::take_payload(std::string_view bytes)
{
    while (!bytes.empty()) {
        if (pending.empty() && bytes.size() > kSealedChunkSize) {
            SLIPWAY_TRY(open_chunk(bytes.substr(0, kSealedChunkSize), ChunkCipher::Place::middle));
            bytes.remove_prefix(kSealedChunkSize);
        } else if (pending.size() == kSealedChunkSize) {
            SLIPWAY_TRY(open_chunk(pending, ChunkCipher::Place::middle));
            pending.clear();
        } else {
            const auto part = bytes.substr(0, kSealedChunkSize - pending.size());
            pending += part;
            bytes.remove_prefix(part.size());
        }
    }
    return {};
}

Result<void> Opener::Impl::open_chunk(std::string_view sealed, ChunkCipher::Place place)
{
    const bool is_first = cipher->done() == 0;
    SLIPWAY_TRY(cipher->open(sealed, place, plain));
    if (plain.empty())
        return is_first ? Result<void>{}
                        : Error{Errc::invalid_input, "malformed envelope: its last chunk is empty"};
    return sink(plain);
}

Result<void> Opener::Impl::end()
{
    if (!cipher)
        return Error{Errc::invalid_input,
            pending.empty() ? "not an envelope: it is empty"
                            : "the envelope is truncated: its header is incomplete"};
    return open_chunk(pending, ChunkCipher::Place::last);
}

Opener::Opener(OpenOptions options, ByteSink sink)
    : impl_{std::make_unique<Impl>(std::move(options), std::move(sink))}
{
}

Opener::Opener(Opener&& other) noexcept = default;
Opener& Opener::operator=(Opener&& other) noexcept = default;
Opener::~Opener() = default;

Result<void> Opener::push(std::string_view bytes)
{
    if (impl_->failed)
        return *impl_->failed;
    auto taken = impl_->take(bytes);
    if (!taken)
        impl_->failed = taken.error();
    return taken;
}

Result<void> Opener::finish()
{
    if (impl_->failed)
        return *impl_->failed;
    auto ended = impl_->end();
    impl_->failed
        = ended ? Error{Errc::conflict, "the envelope was opened to its end before"} : ended.error();
    return ended;
}

Result<Secret> open_small(std::string_view envelope, OpenOptions options)
{
    if (envelope.size() > kMaxSmallSecretSize + kMaxEnvelopeHeaderSize + 64 * kTagSize)
        return Error{Errc::exhausted,
            "the envelope holds more than " + std::to_string(kMaxSmallSecretSize) + " bytes"};
    std::string plain;
    plain.reserve(envelope.size()); // never moves, so that no copy stays behind
    Opener opener{std::move(options), [&](std::string_view bytes) -> Result<void> {
                      plain += bytes;
                      return {};
                  }};
    auto opened = opener.push(envelope);
    if (opened)
        opened = opener.finish();
    Secret secret = Secret::take(plain);
    if (!opened)
        return std::move(opened).error();
    if (secret.size() > kMaxSmallSecretSize)
        return Error{Errc::exhausted,
            "the envelope holds more than " + std::to_string(kMaxSmallSecretSize) + " bytes"};
    return secret;
}

} // namespace slipway::crypto
