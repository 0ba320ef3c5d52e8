#include "crypto/ed25519.h"

#include "crypto/openssl_error.h"
#include "crypto/openssl_ptr.h"

#include <openssl/err.h>

#include <array>

namespace slipway::crypto {

namespace {

Error wrong_size(std::string_view what, std::size_t wanted, std::size_t size)
{
    return {Errc::invalid_input,
        std::string{what} + " has " + std::to_string(size) + " bytes and must have "
            + std::to_string(wanted)};
}

} // namespace

Result<void> verify_ed25519(std::string_view message, std::string_view signature, std::string_view public_key)
{
    if (public_key.size() != kEd25519PublicKey)
        return wrong_size("the public key", kEd25519PublicKey, public_key.size());
    if (signature.size() != kEd25519Signature)
        return wrong_size("the signature", kEd25519Signature, signature.size());
    const EvpPkey key{
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(public_key), public_key.size())};
    const EvpMdCtx context{EVP_MD_CTX_new()};
    if (!key || !context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1)
        return openssl_error("preparing to verify a signature");
    if (EVP_DigestVerify(
            context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size())
        == 1)
        return {};
    ERR_clear_error();
    return Error{Errc::rejected, "the signature is not that of this key"};
}

Result<std::string> sign_ed25519(std::string_view message, const Secret& secret_key)
{
    if (secret_key.size() != kEd25519SecretKey)
        return wrong_size("the secret key", kEd25519SecretKey, secret_key.size());
    const std::string_view seed = secret_key.reveal().substr(0, kEd25519SecretKey - kEd25519PublicKey);
    const EvpPkey key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size())};
    std::array<char, kEd25519PublicKey> made{};
    std::size_t size = made.size();
    if (!key || EVP_PKEY_get_raw_public_key(key.get(), bytes_of(made.data()), &size) != 1)
        return openssl_error("reading a secret key");
    if (secret_key.reveal().substr(seed.size()) != std::string_view{made.data(), size})
        return Error{Errc::invalid_input, "the halves of the secret key belong to different keys"};
    const EvpMdCtx context{EVP_MD_CTX_new()};
    std::string signature(kEd25519Signature, '\0');
    size = signature.size();
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1
        || EVP_DigestSign(context.get(), bytes_of(signature.data()), &size, bytes_of(message), message.size())
            != 1)
        return openssl_error("signing");
    return signature;
}

} // namespace slipway::crypto
