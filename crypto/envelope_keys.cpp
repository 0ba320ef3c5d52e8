#include "crypto/envelope_keys.h"

#include <algorithm>

namespace slipway::crypto {

namespace {

constexpr std::string_view kCommitmentInfo = "slipway envelope v1 commitment";
constexpr std::string_view kRecipientsInfo = "slipway envelope v1 recipients";
constexpr std::string_view kPayloadInfo = "slipway envelope v1 payload";
constexpr std::string_view kSignatureContext = "slipway envelope v1 signature";

/// A key that depends on every bit of the fixed part.
Secret bound_key(const Secret& file_key, const EnvelopeHeader& header, std::string_view purpose)
{
    const auto info = std::string{purpose}.append(sha256(header.fixed_bytes).view());
    return hkdf_sha256(
        {.key = file_key.reveal(), .salt = header.fixed.salt.view(), .info = info}, kEnvelopeKeySize);
}

/// The first bytes of a key's fingerprint are enough for people.
std::string short_id(const Digest& key_id) { return key_id.hex().substr(0, 16); }

Error for_other_keys(const EnvelopeHeader& header, const std::vector<PrivateKey>& keys)
{
    std::string message = "the envelope is sealed for other keys: for";
    for (const auto& recipient : header.recipients)
        message += " " + short_id(recipient.key_id);
    message += "; held:";
    for (const auto& key : keys)
        message += " " + short_id(key.fingerprint());
    return {Errc::not_found, keys.empty() ? message + " none" : message};
}

struct Unwrapped {
    const EnvelopeRecipient& by;
    Secret file_key;
};

Result<Unwrapped> unwrap_file_key(
    const EnvelopeHeader& header, const std::vector<PrivateKey>& keys, const UnwrapMemory* memory)
{
    for (const auto& recipient : header.recipients) {
        for (const auto& key : keys) {
            if (recipient.key_id != key.fingerprint())
                continue;
            if (memory != nullptr)
                if (auto known = memory->recall(recipient.key_id, recipient.wrapped_key))
                    return Unwrapped{recipient, *std::move(known)};
            return Unwrapped{recipient,
                SLIPWAY_TRY(in("opening the envelope's file key", key.unwrap(recipient.wrapped_key)))};
        }
    }
    return for_other_keys(header, keys);
}

} // namespace

Digest file_key_commitment(const Secret& file_key, const Digest& salt)
{
    const Secret bytes = hkdf_sha256(
        {.key = file_key.reveal(), .salt = salt.view(), .info = kCommitmentInfo}, Digest::kSize);
    Digest commitment;
    std::copy_n(bytes.reveal().begin(), Digest::kSize, commitment.bytes.begin());
    return commitment;
}

Secret payload_key(const Secret& file_key, const EnvelopeHeader& header)
{
    return bound_key(file_key, header, kPayloadInfo);
}

Digest recipients_mac(const Secret& file_key, const EnvelopeHeader& header)
{
    const Secret key = bound_key(file_key, header, kRecipientsInfo);
    return hmac_sha256(key.reveal(), encode_recipients(header.recipients));
}

std::string signed_message(std::string_view fixed_bytes)
{
    return std::string{kSignatureContext}.append(fixed_bytes);
}

Result<void> set_recipients(
    EnvelopeHeader& header, const Secret& file_key, const std::vector<PublicKey>& recipients)
{
    std::vector<EnvelopeRecipient> list;
    for (const auto& key : recipients) {
        const auto is_same
            = [&](const EnvelopeRecipient& other) { return other.key_id == key.fingerprint(); };
        if (std::any_of(list.begin(), list.end(), is_same))
            continue;
        if (list.size() == kMaxEnvelopeRecipients)
            return Error{Errc::invalid_input, "an envelope has at most 64 recipients"};
        auto wrapped = SLIPWAY_TRY(key.wrap(file_key));
        list.push_back({.key_id = key.fingerprint(), .wrapped_key = std::move(wrapped)});
    }
    if (list.empty())
        return Error{Errc::invalid_input, "an envelope needs at least one recipient"};
    header.recipients = std::move(list);
    header.list_mac = recipients_mac(file_key, header);
    return {};
}

Result<Secret> recover_file_key(
    const EnvelopeHeader& header, const std::vector<PrivateKey>& keys, UnwrapMemory* memory)
{
    auto unwrapped = SLIPWAY_TRY(unwrap_file_key(header, keys, memory));
    Secret& file_key = unwrapped.file_key;
    if (file_key.size() != kEnvelopeKeySize)
        return Error{Errc::rejected, "the envelope's file key has a wrong length"};
    if (!file_key_commitment(file_key, header.fixed.salt).equals(header.fixed.commitment.view()))
        return Error{Errc::rejected,
            "the envelope's file key is not the one that the header commits to: it was changed"};
    if (!recipients_mac(file_key, header).equals(header.list_mac.view()))
        return Error{Errc::rejected, "the envelope's header or its recipient list was changed"};
    if (memory != nullptr)
        memory->remember(unwrapped.by.key_id, unwrapped.by.wrapped_key, file_key);
    return std::move(file_key);
}

} // namespace slipway::crypto
