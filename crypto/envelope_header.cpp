#include "crypto/envelope_header.h"

#include <algorithm>
#include <cstring>

namespace slipway::crypto {

namespace {

constexpr std::string_view kMagic = "SLIPENV";
constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kSuite = 1;
constexpr std::size_t kMinFixedSize = 88;
constexpr std::size_t kMaxFixedSize = 83 + 4 * (1 + kMaxEnvelopeContextField) + 1 + Digest::kSize;
/// RSA of kMinRsaBits and kMaxRsaBits.
constexpr std::size_t kMinRsaBytes = kMinRsaBits / 8;
constexpr std::size_t kMaxRsaBytes = kMaxRsaBits / 8;

static_assert(kMaxFixedSize + 2 + kMaxRsaBytes + 1
        + kMaxEnvelopeRecipients * (Digest::kSize + 2 + kMaxRsaBytes) + Digest::kSize
    <= kMaxEnvelopeHeaderSize);

void put_number(std::string& out, std::uint64_t value, int size)
{
    for (int shift = (size - 1) * 8; shift >= 0; shift -= 8)
        out += static_cast<char>(value >> shift & 255U);
}

void put_field(std::string& out, std::string_view bytes, int length_size)
{
    put_number(out, bytes.size(), length_size);
    out += bytes;
}

Error malformed(std::string_view why)
{
    return {Errc::invalid_input, "malformed envelope: " + std::string{why}};
}

/// Takes bytes from the front. Once too few are left it is `short_of_bytes` and hands out nothing but zeros.
class Reader {
public:
    explicit Reader(std::string_view bytes)
        : bytes_{bytes}
    {
    }

    std::string_view take(std::size_t size)
    {
        if (short_ || size > bytes_.size() - at_) {
            short_ = true;
            return {};
        }
        const auto taken = bytes_.substr(at_, size);
        at_ += size;
        return taken;
    }

    std::uint64_t number(std::size_t size)
    {
        std::uint64_t value = 0;
        for (const char c : take(size))
            value = value << 8U | static_cast<unsigned char>(c);
        return value;
    }

    Digest digest()
    {
        Digest digest;
        const auto taken = take(Digest::kSize);
        std::memcpy(digest.bytes.data(), taken.data(), taken.size());
        return digest;
    }

    [[nodiscard]] bool short_of_bytes() const { return short_; }

    [[nodiscard]] std::size_t at() const { return at_; }

private:
    std::string_view bytes_;
    std::size_t at_ = 0;
    bool short_ = false;
};

/// Checks magic, version and suite as far as they are there.
Result<void> check_start(std::string_view prefix)
{
    const auto magic = prefix.substr(0, kMagic.size());
    if (magic != kMagic.substr(0, magic.size()))
        return Error{Errc::invalid_input, "not an envelope: it does not start with " + std::string{kMagic}};
    if (prefix.size() > 7 && static_cast<unsigned char>(prefix[7]) != kVersion)
        return Error{Errc::invalid_input,
            "the envelope has version " + std::to_string(static_cast<unsigned char>(prefix[7]))
                + ", but this program knows version 1 only"};
    if (prefix.size() > 8 && static_cast<unsigned char>(prefix[8]) != kSuite)
        return Error{Errc::invalid_input,
            "the envelope uses cipher suite " + std::to_string(static_cast<unsigned char>(prefix[8]))
                + ", but this program knows suite 1 only"};
    return {};
}

bool is_rsa_size(std::uint64_t size) { return size >= kMinRsaBytes && size <= kMaxRsaBytes; }

Result<EnvelopeFixed> parse_fixed(std::string_view bytes)
{
    Reader reader{bytes};
    reader.take(kMagic.size() + 2 + 2);
    EnvelopeFixed fixed;
    fixed.salt = reader.digest();
    fixed.commitment = reader.digest();
    fixed.context.fence = reader.number(8);
    for (std::string* field :
        {&fixed.context.pool, &fixed.context.run, &fixed.context.stage, &fixed.context.object}) {
        const auto size = reader.number(1);
        if (size > kMaxEnvelopeContextField)
            return malformed("a context field is too long");
        *field = reader.take(size);
    }
    const auto maker_size = reader.number(1);
    if (maker_size != 0 && maker_size != Digest::kSize)
        return malformed("the maker's key id has a wrong length");
    if (maker_size != 0)
        fixed.maker = reader.digest();
    if (reader.short_of_bytes() || reader.at() != bytes.size())
        return malformed("the fixed part's length does not fit its content");
    return fixed;
}

} // namespace

Result<std::string> encode_fixed(const EnvelopeFixed& fixed)
{
    std::string body;
    body += fixed.salt.view();
    body += fixed.commitment.view();
    put_number(body, fixed.context.fence, 8);
    for (const std::string* field :
        {&fixed.context.pool, &fixed.context.run, &fixed.context.stage, &fixed.context.object}) {
        if (field->size() > kMaxEnvelopeContextField)
            return Error{Errc::invalid_input,
                "a context field of an envelope has " + std::to_string(field->size())
                    + " bytes, at most 128 are allowed"};
        put_field(body, *field, 1);
    }
    put_field(body, fixed.maker ? fixed.maker->view() : std::string_view{}, 1);
    std::string bytes{kMagic};
    put_number(bytes, kVersion, 1);
    put_number(bytes, kSuite, 1);
    put_number(bytes, bytes.size() + 2 + body.size(), 2);
    return bytes + body;
}

std::string encode_recipients(const std::vector<EnvelopeRecipient>& recipients)
{
    std::string bytes;
    put_number(bytes, recipients.size(), 1);
    for (const auto& recipient : recipients) {
        bytes += recipient.key_id.view();
        put_field(bytes, recipient.wrapped_key, 2);
    }
    return bytes;
}

std::string encode_header(const EnvelopeHeader& header)
{
    std::string bytes = header.fixed_bytes;
    put_field(bytes, header.signature, 2);
    bytes += encode_recipients(header.recipients);
    bytes += header.list_mac.view();
    return bytes;
}

Result<EnvelopeHeader> parse_header(std::string_view bytes)
{
    const auto size = SLIPWAY_TRY(envelope_header_size(bytes));
    if (!size)
        return Error{Errc::invalid_input, "the envelope is truncated: its header is incomplete"};
    if (*size != bytes.size())
        return malformed("bytes follow the header");
    EnvelopeHeader header;
    const std::size_t fixed_size = Reader{bytes.substr(9)}.number(2);
    header.fixed_bytes = bytes.substr(0, fixed_size);
    header.fixed = SLIPWAY_TRY(parse_fixed(header.fixed_bytes));
    Reader reader{bytes.substr(fixed_size)};
    header.signature = reader.take(reader.number(2));
    if (header.signature.empty() == header.fixed.maker.has_value())
        return malformed("a signature without a maker, or a maker without a signature");
    const auto count = reader.number(1);
    for (std::uint64_t i = 0; i < count; ++i) {
        EnvelopeRecipient recipient{.key_id = reader.digest(), .wrapped_key = {}};
        recipient.wrapped_key = reader.take(reader.number(2));
        const auto is_same = [&](const EnvelopeRecipient& other) { return other.key_id == recipient.key_id; };
        if (std::any_of(header.recipients.begin(), header.recipients.end(), is_same))
            return malformed("a recipient is listed twice");
        header.recipients.push_back(std::move(recipient));
    }
    header.list_mac = reader.digest();
    return header;
}

Result<std::optional<std::size_t>> envelope_header_size(std::string_view prefix)
{
    SLIPWAY_TRY(check_start(prefix));
    constexpr std::optional<std::size_t> more;
    Reader reader{prefix};
    reader.take(9);
    const auto fixed_size = reader.number(2);
    if (reader.short_of_bytes())
        return more;
    if (fixed_size < kMinFixedSize || fixed_size > kMaxFixedSize)
        return malformed("the fixed part has an impossible length");
    reader.take(fixed_size - reader.at());
    const auto signature_size = reader.number(2);
    if (signature_size != 0 && !is_rsa_size(signature_size))
        return malformed("the signature has an impossible length");
    reader.take(signature_size);
    const auto count = reader.number(1);
    if (reader.short_of_bytes())
        return more;
    if (count == 0 || count > kMaxEnvelopeRecipients)
        return malformed("the number of recipients is not within 1 and 64");
    for (std::uint64_t i = 0; i < count; ++i) {
        reader.take(Digest::kSize);
        const auto wrapped_size = reader.number(2);
        if (reader.short_of_bytes())
            return more;
        if (!is_rsa_size(wrapped_size))
            return malformed("a wrapped key has an impossible length");
        reader.take(wrapped_size);
    }
    reader.take(Digest::kSize);
    if (reader.short_of_bytes())
        return more;
    return std::optional{reader.at()};
}

Result<EnvelopeInfo> read_envelope_info(std::string_view prefix)
{
    const auto size = SLIPWAY_TRY(envelope_header_size(prefix));
    if (!size)
        return Error{Errc::invalid_input, "the envelope is truncated: its header is incomplete"};
    auto header = SLIPWAY_TRY(parse_header(prefix.substr(0, *size)));
    EnvelopeInfo info{.context = std::move(header.fixed.context),
        .maker = header.fixed.maker,
        .recipients = {},
        .header_size = *size};
    for (const auto& recipient : header.recipients)
        info.recipients.push_back(recipient.key_id);
    return info;
}

} // namespace slipway::crypto
