#include "crypto/key.h"

#include "crypto/key_handle.h"
#include "crypto/openssl_error.h"
#include "crypto/pem.h"
#include "crypto/rsa_numbers.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace slipway::crypto {

namespace {

constexpr std::string_view kPassphrase = "the private key has a passphrase; write one without it: "
                                         "openssl rsa -in key.pem -out key-without-passphrase.pem";

Error wrong_block(PemKind kind)
{
    switch (kind) {
    case PemKind::encrypted_private_key:
        return {Errc::invalid_input, std::string{kPassphrase}};
    case PemKind::other_private_key:
        return {Errc::invalid_input,
            "this is a private key that is not RSA (EC, DSA or OpenSSH); a pool needs an RSA key in PEM: "
            "openssl req -new -newkey rsa:4096 -nodes -keyout key.pem -out req.pem"};
    case PemKind::certificate_request:
        return {Errc::invalid_input,
            describe(kind)
                + " was given in place of the private key; the key is the file that -keyout named"};
    case PemKind::private_key:
    case PemKind::rsa_private_key:
    case PemKind::certificate:
    case PemKind::public_key:
    case PemKind::unknown:
        break;
    }
    return {Errc::invalid_input, describe(kind) + " was given in place of the private key"};
}

/// The first block that is a private key; else an error that names the first block.
Result<PemBlock> find_private_key(std::string_view text)
{
    if (text.size() > kMaxPemSize)
        return Error{Errc::exhausted, "larger than the limit of " + std::to_string(kMaxPemSize) + " bytes"};
    if (looks_like_json(text)) // which may hold certificates
        return Error{Errc::invalid_input, "a pool token was given in place of the private key"};
    std::optional<PemKind> other;
    for (std::string_view left = text;;) {
        const auto block = SLIPWAY_TRY(next_pem_block(left));
        if (!block)
            break;
        if (block->kind == PemKind::private_key || block->kind == PemKind::rsa_private_key)
            return *block;
        // "EC PARAMETERS" comes before its key: let the key speak.
        if (!other || *other == PemKind::unknown)
            other = block->kind;
        left = block->rest;
    }
    if (other)
        return wrong_block(*other);
    return Error{
        Errc::invalid_input, "not a private key in PEM: there is no line -----BEGIN PRIVATE KEY-----"};
}

/// A key copied with one wrong character parses well. One whose numbers are not each what the others make it
/// must sign what its public half verifies: some numbers are not needed, and there may be more than two
/// primes. To let every key sign would cost a launcher a tenth of its start.
Result<void> try_key(const PrivateKey& key, const EVP_PKEY* pkey)
{
    if (numbers_fit(pkey))
        return {};
    ERR_clear_error();
    constexpr std::string_view message = "slipway key check";
    const auto signature = key.sign(message);
    if (signature && key.public_key().verify(message, *signature))
        return {};
    return Error{
        Errc::invalid_input, "the private key is damaged: its numbers do not fit together; copy it again"};
}

/// Algorithms are ours, never the message's.
bool use_pss(EVP_PKEY_CTX* context)
{
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1
        && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1
        && EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, "SHA256", nullptr) == 1;
}

bool use_oaep(EVP_PKEY_CTX* context)
{
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1
        && EVP_PKEY_CTX_set_rsa_oaep_md_name(context, "SHA256", nullptr) == 1
        && EVP_PKEY_CTX_set_rsa_mgf1_md_name(context, "SHA256", nullptr) == 1;
}

} // namespace

PublicKey::PublicKey(std::shared_ptr<const KeyHandle> handle)
    : handle_{std::move(handle)}
{
}

Result<PublicKey> PublicKey::from_pem(std::string_view text)
{
    if (text.size() > kMaxPemSize)
        return Error{Errc::exhausted, "larger than the limit of " + std::to_string(kMaxPemSize) + " bytes"};
    const auto block = SLIPWAY_TRY(next_pem_block(text));
    if (!block)
        return Error{
            Errc::invalid_input, "not a public key in PEM: there is no line -----BEGIN PUBLIC KEY-----"};
    if (block->kind != PemKind::public_key && block->kind != PemKind::certificate)
        return Error{Errc::invalid_input, describe(block->kind) + " was given in place of a public key"};
    const Secret der = SLIPWAY_TRY(pem_der(*block));
    const unsigned char* at = bytes_of(der.reveal());
    const auto size = static_cast<long>(der.size());
    EvpPkey pkey;
    if (block->kind == PemKind::certificate) {
        const X509Cert certificate{d2i_X509(nullptr, &at, size)};
        if (certificate != nullptr)
            pkey.reset(X509_get_pubkey(certificate.get()));
    } else {
        pkey.reset(d2i_PUBKEY(nullptr, &at, size));
    }
    if (pkey == nullptr)
        return openssl_error("reading " + describe(block->kind), Errc::invalid_input);
    SLIPWAY_TRY(require_pool_rsa(pkey.get()));
    return PublicKey{std::make_shared<const KeyHandle>(SLIPWAY_TRY(KeyHandle::create(std::move(pkey))))};
}

const Digest& PublicKey::fingerprint() const noexcept { return handle_->fingerprint; }

int PublicKey::bits() const noexcept { return EVP_PKEY_get_bits(handle_->pkey.get()); }

Result<void> PublicKey::verify(std::string_view message, std::string_view signature) const
{
    const EvpMdCtx context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* details = nullptr; // owned by `context`
    if (context == nullptr
        || EVP_DigestVerifyInit_ex(
               context.get(), &details, "SHA256", nullptr, nullptr, handle_->pkey.get(), nullptr)
            != 1
        || !use_pss(details))
        return openssl_error("preparing to verify a signature");
    if (EVP_DigestVerify(
            context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size())
        != 1)
        return openssl_error("the signature is wrong", Errc::rejected);
    return {};
}

Result<std::string> PublicKey::wrap(const Secret& secret) const
{
    const EvpPkeyCtx context{EVP_PKEY_CTX_new_from_pkey(nullptr, handle_->pkey.get(), nullptr)};
    if (context == nullptr || EVP_PKEY_encrypt_init(context.get()) != 1 || !use_oaep(context.get()))
        return openssl_error("preparing to wrap a key");
    const auto plain = secret.reveal();
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(handle_->pkey.get()));
    std::string wrapped(size, '\0');
    if (EVP_PKEY_encrypt(context.get(), bytes_of(wrapped.data()), &size, bytes_of(plain), plain.size()) != 1)
        return openssl_error("wrapping a key", Errc::invalid_input);
    wrapped.resize(size);
    return wrapped;
}

Result<std::string> PublicKey::to_pem() const
{
    const Bio bio{BIO_new(BIO_s_mem())};
    if (bio == nullptr || PEM_write_bio_PUBKEY(bio.get(), handle_->pkey.get()) != 1)
        return openssl_error("writing a public key");
    return std::string{bio_text(bio.get())};
}

PrivateKey::PrivateKey(std::shared_ptr<const KeyHandle> handle, PublicKey public_key)
    : handle_{std::move(handle)}
    , public_{std::move(public_key)}
{
}

Result<PrivateKey> PrivateKey::from_handle(KeyHandle handle)
{
    // A second handle without the private half, so that a public key's copies do not keep it alive.
    const auto der = SLIPWAY_TRY(spki_der(handle.pkey.get()));
    const unsigned char* at = bytes_of(der);
    EvpPkey half{d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size()))};
    if (half == nullptr)
        return openssl_error("reading the public half of a key", Errc::invalid_input);
    KeyHandle public_half{std::move(half), handle.fingerprint};
    return PrivateKey{std::make_shared<const KeyHandle>(std::move(handle)),
        PublicKey{std::make_shared<const KeyHandle>(std::move(public_half))}};
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view text)
{
    const auto block = SLIPWAY_TRY(find_private_key(text));
    if (block.body.find("ENCRYPTED") != std::string_view::npos
        && block.body.find(':') != std::string_view::npos)
        return Error{Errc::invalid_input, std::string{kPassphrase}};
    const Secret der = SLIPWAY_TRY(pem_der(block));
    const unsigned char* at = bytes_of(der.reveal());
    const auto size = static_cast<long>(der.size());
    EvpPkey pkey{d2i_AutoPrivateKey(nullptr, &at, size)};
    if (pkey == nullptr)
        return openssl_error("reading the private key: it is damaged or incomplete", Errc::invalid_input);
    SLIPWAY_TRY(require_pool_rsa(pkey.get()));
    auto handle = SLIPWAY_TRY(KeyHandle::create(std::move(pkey)));
    auto key = SLIPWAY_TRY(from_handle(std::move(handle)));
    SLIPWAY_TRY(try_key(key, key.handle_->pkey.get()));
    return key;
}

Result<PrivateKey> PrivateKey::from_base64_pem(std::string_view text)
{
    if (looks_like_json(text))
        return Error{Errc::invalid_input, "a pool token was given in place of the private key"};
    const Secret pem = SLIPWAY_TRY(pem_or_base64(text, 2 * kMaxPemSize));
    return from_pem(pem.reveal());
}

Result<PrivateKey> PrivateKey::generate(int bits)
{
    if (bits < kMinRsaBits || bits > kMaxRsaBits)
        return Error{Errc::invalid_input,
            "an RSA key has " + std::to_string(kMinRsaBits) + " to " + std::to_string(kMaxRsaBits)
                + " bits, not " + std::to_string(bits)};
    EvpPkey pkey{EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits))};
    if (pkey == nullptr)
        return openssl_error("generating an RSA key");
    return from_handle(SLIPWAY_TRY(KeyHandle::create(std::move(pkey))));
}

Result<Secret> PrivateKey::to_pem() const
{
    const Bio bio{BIO_new(BIO_s_mem())};
    if (bio == nullptr
        || PEM_write_bio_PKCS8PrivateKey(
               bio.get(), handle_->pkey.get(), nullptr, nullptr, 0, nullptr, nullptr)
            != 1)
        return openssl_error("writing a private key");
    return Secret{bio_text(bio.get())};
}

Result<std::string> PrivateKey::sign(std::string_view message) const
{
    const EvpMdCtx context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* details = nullptr; // owned by `context`
    if (context == nullptr
        || EVP_DigestSignInit_ex(
               context.get(), &details, "SHA256", nullptr, nullptr, handle_->pkey.get(), nullptr)
            != 1
        || !use_pss(details))
        return openssl_error("preparing to sign");
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(handle_->pkey.get()));
    std::string signature(size, '\0');
    if (EVP_DigestSign(context.get(), bytes_of(signature.data()), &size, bytes_of(message), message.size())
        != 1)
        return openssl_error("signing");
    signature.resize(size);
    return signature;
}

Result<Secret> PrivateKey::unwrap(std::string_view wrapped) const
{
    const EvpPkeyCtx context{EVP_PKEY_CTX_new_from_pkey(nullptr, handle_->pkey.get(), nullptr)};
    if (context == nullptr || EVP_PKEY_decrypt_init(context.get()) != 1 || !use_oaep(context.get()))
        return openssl_error("preparing to unwrap a key");
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(handle_->pkey.get()));
    std::string plain(size, '\0');
    if (EVP_PKEY_decrypt(context.get(), bytes_of(plain.data()), &size, bytes_of(wrapped), wrapped.size())
        != 1) {
        wipe(plain);
        ERR_clear_error(); // why the padding failed is told to nobody
        return Error{Errc::rejected, "the wrapped key was made for another key or changed"};
    }
    const Secret unwrapped{std::string_view{plain}.substr(0, size)};
    wipe(plain);
    return unwrapped;
}

} // namespace slipway::crypto
