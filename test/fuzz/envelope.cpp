#include "crypto/envelope.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace slipway;
using namespace slipway::crypto;

Result<void> refuse_content(std::string_view)
{
    std::abort(); // no key is held, so nothing can come out
}

/// The code of the failure that ends the envelope when it comes in pieces of `step` bytes.
Errc failure(std::string_view bytes, const EnvelopeContext& context, std::size_t step)
{
    Opener opener{{.context = context, .keys = {}, .policy = SignaturePolicy::unsigned_allowed, .makers = {}},
        &refuse_content};
    for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size())))
        if (auto taken = opener.push(bytes.substr(0, step)); !taken)
            return taken.error().code();
    const auto ended = opener.finish();
    if (ended)
        std::abort();
    return ended.error().code();
}

} // namespace

/// A header is read the same way however it comes in, and nobody opens an envelope without a key.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto info = read_envelope_info(bytes);
    if (info
        && (info->header_size > size || info->header_size > kMaxEnvelopeHeaderSize
            || info->recipients.empty()))
        std::abort();
    const auto header_size = envelope_header_size(bytes);
    if (info && (!header_size || *header_size != info->header_size))
        std::abort();
    const EnvelopeContext context = info ? info->context : EnvelopeContext{};
    const Errc whole = failure(bytes, context, size + 1);
    if (failure(bytes, context, 61) != whole)
        std::abort();
    if (info && whole != Errc::not_found)
        std::abort();
    if (info && rewrap_envelope_header(bytes.substr(0, info->header_size), {}, {}))
        std::abort();
    return 0;
}
