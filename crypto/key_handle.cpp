#include "crypto/key_handle.h"

#include "crypto/key.h"
#include "crypto/openssl_error.h"

namespace slipway::crypto {

namespace {

void free_bytes(unsigned char* bytes) { OPENSSL_free(bytes); }

} // namespace

Result<KeyHandle> KeyHandle::create(EvpPkey pkey)
{
    const auto der = SLIPWAY_TRY(spki_der(pkey.get()));
    return KeyHandle{std::move(pkey), sha256(der)};
}

Result<std::string> spki_der(EVP_PKEY* pkey)
{
    unsigned char* out = nullptr; // asking for the size first would encode it twice
    const int size = i2d_PUBKEY(pkey, &out);
    if (size <= 0)
        return openssl_error("encoding a public key", Errc::invalid_input);
    const CPtr<unsigned char, &free_bytes> owned{out};
    return std::string{reinterpret_cast<const char*>(out), static_cast<std::size_t>(size)};
}

Result<void> require_pool_rsa(EVP_PKEY* pkey)
{
    constexpr std::string_view remedy
        = "; make one with: openssl req -new -newkey rsa:4096 -nodes -keyout key.pem -out req.pem";
    if (EVP_PKEY_is_a(pkey, "RSA") != 1) {
        const char* name = EVP_PKEY_get0_type_name(pkey);
        return Error{Errc::invalid_input,
            "the key is of type " + std::string{name != nullptr ? name : "unknown"}
                + ", but a pool needs an RSA key" + std::string{remedy}};
    }
    const int bits = EVP_PKEY_get_bits(pkey);
    if (bits < kMinRsaBits)
        return Error{Errc::invalid_input,
            "the RSA key has " + std::to_string(bits) + " bits, too few: at least "
                + std::to_string(kMinRsaBits) + " are needed" + std::string{remedy}};
    if (bits > kMaxRsaBits)
        return Error{Errc::invalid_input,
            "the RSA key has " + std::to_string(bits) + " bits, too many: at most "
                + std::to_string(kMaxRsaBits) + " are taken" + std::string{remedy}};
    return {};
}

std::string_view bio_text(BIO* bio)
{
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return data != nullptr && size > 0 ? std::string_view{data, static_cast<std::size_t>(size)}
                                       : std::string_view{};
}

} // namespace slipway::crypto
