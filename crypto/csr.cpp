#include "crypto/csr.h"

#include "crypto/key_handle.h"
#include "crypto/openssl_error.h"
#include "crypto/pem.h"

#include <openssl/pem.h>

namespace slipway::crypto {

namespace {

Result<PemBlock> find_request(std::string_view text)
{
    const auto block = SLIPWAY_TRY(next_pem_block(text));
    if (!block)
        return Error{Errc::invalid_input,
            looks_like_json(text) ? "a pool token was given in place of the certificate signing request"
                                  : "not a certificate signing request in PEM: there is no line "
                                    "-----BEGIN CERTIFICATE REQUEST-----"};
    if (block->kind != PemKind::certificate_request)
        return Error{Errc::invalid_input,
            describe(block->kind) + " was given in place of the certificate signing request"
                + (describe(block->kind).starts_with("a private key")
                        ? "; keep it to yourself: the request is the file that -out named"
                        : "")};
    if (block->rest.find_first_not_of(" \t\r\n") != std::string_view::npos)
        return Error{Errc::invalid_input, "something follows the end of the certificate signing request"};
    return *block;
}

} // namespace

Csr::Csr(PublicKey key, std::string pem)
    : key_{std::move(key)}
    , pem_{std::move(pem)}
{
}

Result<Csr> Csr::from_text(std::string_view text)
{
    auto decoded = pem_or_base64(text, kMaxCsrSize);
    if (!decoded && decoded.error().code() == Errc::invalid_input)
        return Error{Errc::invalid_input,
            decoded.error().message()
                + ": this is neither PEM nor base64 of it; make one with: openssl req -new -newkey rsa:4096 "
                  "-nodes -keyout spacelift.key -out spacelift.csr"};
    const Secret pem = SLIPWAY_TRY(std::move(decoded));
    const auto block = SLIPWAY_TRY(find_request(pem.reveal()));
    const Secret der = SLIPWAY_TRY(pem_der(block));
    const unsigned char* at = bytes_of(der.reveal());
    const unsigned char* const end = at + der.size();
    const X509Request request{d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size()))};
    if (request == nullptr)
        return openssl_error(
            "reading the certificate signing request: it is damaged or incomplete", Errc::invalid_input);
    if (at != end)
        return Error{
            Errc::invalid_input, "bytes follow the certificate signing request inside its PEM block"};
    EvpPkey pkey{X509_REQ_get_pubkey(request.get())};
    if (pkey == nullptr)
        return openssl_error("reading the key of the certificate signing request", Errc::invalid_input);
    SLIPWAY_TRY(require_pool_rsa(pkey.get()));
    if (X509_REQ_verify(request.get(), pkey.get()) != 1)
        return openssl_error("the certificate signing request is not signed by its own key", Errc::rejected);
    PublicKey key{std::make_shared<const KeyHandle>(SLIPWAY_TRY(KeyHandle::create(std::move(pkey))))};
    const Bio bio{BIO_new(BIO_s_mem())};
    if (bio == nullptr || PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1)
        return openssl_error("writing the certificate signing request");
    return Csr{std::move(key), std::string{bio_text(bio.get())}};
}

} // namespace slipway::crypto
