#include "test/unit/crypto/envelopes.h"

#include "test/unit/crypto/material.h"

#include <algorithm>
#include <stdexcept>

namespace slipway::crypto::test {

namespace {

void must(const Result<void>& result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
}

template <class Stream> Result<void> push_in_steps(Stream& stream, std::string_view bytes, std::size_t step)
{
    for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size())))
        SLIPWAY_TRY(stream.push(bytes.substr(0, step)));
    return stream.finish();
}

} // namespace

EnvelopeContext context()
{
    return {.pool = "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        .run = "run-7",
        .stage = "plan",
        .fence = 42,
        .object = "workspace"};
}

SealOptions signed_options()
{
    return {.context = context(), .recipients = {first_key().public_key()}, .maker = first_key()};
}

OpenOptions open_options()
{
    return {.context = context(),
        .keys = {first_key()},
        .policy = SignaturePolicy::signature_required,
        .makers = {first_key().public_key()}};
}

std::string text_of_size(std::size_t size)
{
    std::string text;
    text.reserve(size + Digest::kSize);
    for (std::size_t i = 0; text.size() < size; ++i)
        text += sha256(std::to_string(i)).view();
    text.resize(size);
    return text;
}

std::string seal(std::string_view plain, const SealOptions& options, std::size_t step)
{
    SystemRandom random;
    std::string envelope;
    auto sealer = Sealer::create(options, random, [&](std::string_view bytes) -> Result<void> {
        envelope += bytes;
        return {};
    });
    if (!sealer)
        throw std::runtime_error{sealer.error().message()};
    must(push_in_steps(*sealer, plain, step));
    return envelope;
}

Opened open(std::string_view envelope, OpenOptions options, std::size_t step)
{
    Opened opened;
    Opener opener{std::move(options), [&](std::string_view bytes) -> Result<void> {
                      opened.plain += bytes;
                      return {};
                  }};
    opened.result = push_in_steps(opener, envelope, step);
    return opened;
}

std::string Parts::joined() const
{
    std::string envelope = header;
    for (const auto& chunk : chunks)
        envelope += chunk;
    return envelope;
}

Parts take_apart(const std::string& envelope)
{
    const auto info = read_envelope_info(envelope);
    if (!info)
        throw std::runtime_error{info.error().message()};
    Parts parts{.header = envelope.substr(0, info->header_size), .chunks = {}};
    for (std::size_t at = info->header_size; at < envelope.size(); at += kSealedSize)
        parts.chunks.push_back(envelope.substr(at, kSealedSize));
    return parts;
}

} // namespace slipway::crypto::test
