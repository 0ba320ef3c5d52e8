#include "crypto/digest.h"

#include "common/base64.h"
#include "crypto/openssl_ptr.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <cassert>
#include <cstdio>
#include <cstdlib>

namespace slipway::crypto {

namespace {

void require(bool worked)
{
    if (worked)
        return;
    std::fputs("fatal: OpenSSL cannot compute SHA-256\n", stderr);
    std::abort();
}

OSSL_PARAM octets(const char* name, std::string_view bytes)
{
    const char* const data = bytes.empty() ? "" : bytes.data(); // a null pointer is an error to OpenSSL
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(data), bytes.size());
}

} // namespace

std::string Digest::hex() const { return hex_encode(view()); }

bool Digest::equals(std::string_view other) const noexcept
{
    return other.size() == kSize && CRYPTO_memcmp(bytes.data(), other.data(), kSize) == 0;
}

Digest sha256(std::string_view bytes)
{
    Digest digest;
    require(EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(),
                bytes_of(digest.bytes.data()), nullptr)
        == 1);
    return digest;
}

Digest hmac_sha256(std::string_view key, std::string_view bytes)
{
    Digest digest;
    std::size_t size = 0;
    // To OpenSSL a null pointer is no key rather than an empty one.
    const char* const key_bytes = key.empty() ? "" : key.data();
    require(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key_bytes, key.size(), bytes_of(bytes),
                bytes.size(), bytes_of(digest.bytes.data()), Digest::kSize, &size)
        != nullptr);
    require(size == Digest::kSize);
    return digest;
}

struct Sha256::Impl {
    EvpMdCtx context{EVP_MD_CTX_new()};
};

Sha256::Sha256()
    : impl_{std::make_unique<Impl>()}
{
    require(impl_->context != nullptr);
    require(EVP_DigestInit_ex(impl_->context.get(), EVP_sha256(), nullptr) == 1);
}

Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::string_view bytes)
{
    require(EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish()
{
    Digest digest;
    require(EVP_DigestFinal_ex(impl_->context.get(), bytes_of(digest.bytes.data()), nullptr) == 1);
    return digest;
}

Secret hkdf_sha256(const HkdfInput& input, std::size_t size)
{
    assert(size >= 1 && size <= 255 * Digest::kSize);
    const EvpKdf kdf{EVP_KDF_fetch(nullptr, "HKDF", nullptr)};
    require(kdf != nullptr);
    const EvpKdfCtx context{EVP_KDF_CTX_new(kdf.get())};
    require(context != nullptr);
    char digest_name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest_name, 0),
        octets(OSSL_KDF_PARAM_KEY, input.key), octets(OSSL_KDF_PARAM_SALT, input.salt),
        octets(OSSL_KDF_PARAM_INFO, input.info), OSSL_PARAM_construct_end()};
    std::string bytes(size, '\0');
    require(EVP_KDF_derive(context.get(), bytes_of(bytes.data()), bytes.size(), params) == 1);
    return Secret::take(bytes);
}

} // namespace slipway::crypto
