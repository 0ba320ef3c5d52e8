#include "crypto/pem.h"

#include "common/base64.h"

#include <array>
#include <utility>

namespace slipway::crypto {

namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";

PemKind kind_of(std::string_view label)
{
    static constexpr std::array<std::pair<std::string_view, PemKind>, 11> kKinds{{
        {"PRIVATE KEY", PemKind::private_key},
        {"RSA PRIVATE KEY", PemKind::rsa_private_key},
        {"ENCRYPTED PRIVATE KEY", PemKind::encrypted_private_key},
        {"EC PRIVATE KEY", PemKind::other_private_key},
        {"DSA PRIVATE KEY", PemKind::other_private_key},
        {"OPENSSH PRIVATE KEY", PemKind::other_private_key},
        {"CERTIFICATE REQUEST", PemKind::certificate_request},
        {"NEW CERTIFICATE REQUEST", PemKind::certificate_request},
        {"CERTIFICATE", PemKind::certificate},
        {"PUBLIC KEY", PemKind::public_key},
        {"RSA PUBLIC KEY", PemKind::public_key},
    }};
    for (const auto& [name, kind] : kKinds)
        if (name == label)
            return kind;
    return PemKind::unknown;
}

} // namespace

std::string describe(PemKind kind)
{
    switch (kind) {
    case PemKind::private_key:
    case PemKind::rsa_private_key:
        return "a private key";
    case PemKind::encrypted_private_key:
        return "a private key with a passphrase";
    case PemKind::other_private_key:
        return "a private key that is not RSA";
    case PemKind::certificate_request:
        return "a certificate signing request";
    case PemKind::certificate:
        return "a certificate";
    case PemKind::public_key:
        return "a public key";
    case PemKind::unknown:
        break;
    }
    return "a PEM block of an unknown kind";
}

Result<std::optional<PemBlock>> next_pem_block(std::string_view text)
{
    const auto begin = text.find(kBegin);
    if (begin == std::string_view::npos)
        return std::optional<PemBlock>{};
    const auto label_at = begin + kBegin.size();
    const auto label_end = text.find(kDashes, label_at);
    if (label_end == std::string_view::npos || label_end - label_at > 64)
        return Error{Errc::invalid_input, "malformed PEM: its begin line does not end in -----"};
    const auto label = text.substr(label_at, label_end - label_at);
    const auto body_at = label_end + kDashes.size();
    const std::string end_line = std::string{kEnd}.append(label).append(kDashes);
    const auto end = text.find(end_line, body_at);
    if (end == std::string_view::npos)
        return Error{Errc::invalid_input, "incomplete PEM: the line " + end_line + " is missing"};
    return std::optional{PemBlock{
        .kind = kind_of(label),
        .body = text.substr(body_at, end - body_at),
        .rest = text.substr(end + end_line.size()),
    }};
}

Result<Secret> pem_der(const PemBlock& block)
{
    auto der = SLIPWAY_TRY(in("reading the PEM block's lines", base64_decode(block.body)));
    if (der.empty())
        return Error{Errc::invalid_input, "the PEM block is empty"};
    return Secret::take(der);
}

Result<Secret> pem_or_base64(std::string_view text, std::size_t max_size)
{
    if (text.size() > max_size)
        return Error{Errc::exhausted, "larger than the limit of " + std::to_string(max_size) + " bytes"};
    if (text.find(kBegin) != std::string_view::npos)
        return Secret{text};
    auto decoded = SLIPWAY_TRY(base64_decode(text));
    if (decoded.empty())
        return Error{Errc::invalid_input, "empty"};
    return Secret::take(decoded);
}

bool looks_like_json(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && text[first] == '{';
}

} // namespace slipway::crypto
