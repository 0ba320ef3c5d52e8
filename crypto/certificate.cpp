#include "crypto/certificate.h"

#include "common/base64.h"
#include "crypto/certificate_handle.h"
#include "crypto/key_handle.h"
#include "crypto/openssl_error.h"
#include "crypto/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>

namespace slipway::crypto {

namespace {

using Time = std::chrono::system_clock::time_point;

Result<Time> read_time(const ASN1_TIME* time)
{
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return openssl_error("reading a date of the certificate", Errc::invalid_input);
    const std::chrono::seconds since_epoch{timegm(&parts)};
    // "No end" is written as the year 9999 (RFC 5280 section 4.1.2.5); nanoseconds end in 2262.
    if (since_epoch >= std::chrono::duration_cast<std::chrono::seconds>(Time::max().time_since_epoch()))
        return Time::max();
    if (since_epoch <= std::chrono::duration_cast<std::chrono::seconds>(Time::min().time_since_epoch()))
        return Time::min();
    return Time{since_epoch};
}

Result<std::string> read_serial(const X509* x509)
{
    const Bignum number{ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), nullptr)};
    if (number == nullptr)
        return openssl_error("reading the certificate's serial number", Errc::invalid_input);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(number.get())), '\0');
    BN_bn2bin(number.get(), bytes_of(bytes.data()));
    return bytes.empty() ? "00" : hex_encode(bytes);
}

std::string read_common_name(const X509* x509)
{
    const X509_NAME* subject = X509_get_subject_name(x509);
    const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index < 0)
        return {};
    unsigned char* utf8 = nullptr;
    const int size
        = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
    if (size < 0) {
        ERR_clear_error();
        return {};
    }
    std::string name{reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size)};
    OPENSSL_free(utf8);
    return name;
}

} // namespace

Certificate::Certificate(std::shared_ptr<const CertificateHandle> handle)
    : handle_{std::move(handle)}
{
}

Result<Certificate> Certificate::from_pem(std::string_view text)
{
    if (text.size() > kMaxPemSize)
        return Error{Errc::exhausted, "larger than the limit of " + std::to_string(kMaxPemSize) + " bytes"};
    const auto block = SLIPWAY_TRY(next_pem_block(text));
    if (!block)
        return Error{
            Errc::invalid_input, "not a certificate in PEM: there is no line -----BEGIN CERTIFICATE-----"};
    if (block->kind != PemKind::certificate)
        return Error{Errc::invalid_input, describe(block->kind) + " was given in place of a certificate"};
    const Secret der = SLIPWAY_TRY(pem_der(*block));
    return from_der(der.reveal());
}

Result<Certificate> Certificate::from_der(std::string_view der)
{
    if (der.size() > kMaxPemSize)
        return Error{Errc::exhausted, "larger than the limit of " + std::to_string(kMaxPemSize) + " bytes"};
    const unsigned char* at = bytes_of(der);
    const unsigned char* const end = at + der.size();
    CertificateHandle handle;
    handle.x509.reset(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (handle.x509 == nullptr)
        return openssl_error("reading the certificate: it is damaged or incomplete", Errc::invalid_input);
    if (at != end)
        return Error{Errc::invalid_input, "bytes follow the end of the certificate"};
    EVP_PKEY* key = X509_get0_pubkey(handle.x509.get());
    if (key == nullptr)
        return openssl_error("reading the certificate's key", Errc::invalid_input);
    handle.serial = SLIPWAY_TRY(read_serial(handle.x509.get()));
    handle.common_name = read_common_name(handle.x509.get());
    handle.not_before = SLIPWAY_TRY(read_time(X509_get0_notBefore(handle.x509.get())));
    handle.not_after = SLIPWAY_TRY(read_time(X509_get0_notAfter(handle.x509.get())));
    handle.fingerprint = sha256(der);
    handle.key_fingerprint = sha256(SLIPWAY_TRY(spki_der(key)));
    return Certificate{std::make_shared<const CertificateHandle>(std::move(handle))};
}

const std::string& Certificate::serial() const noexcept { return handle_->serial; }

Time Certificate::not_before() const noexcept { return handle_->not_before; }

Time Certificate::not_after() const noexcept { return handle_->not_after; }

const Digest& Certificate::fingerprint() const noexcept { return handle_->fingerprint; }

const Digest& Certificate::key_fingerprint() const noexcept { return handle_->key_fingerprint; }

const std::string& Certificate::subject_common_name() const noexcept { return handle_->common_name; }

Result<PublicKey> Certificate::public_key() const
{
    EvpPkey pkey{X509_get_pubkey(handle_->x509.get())};
    if (pkey == nullptr)
        return openssl_error("reading the certificate's key", Errc::invalid_input);
    SLIPWAY_TRY(require_pool_rsa(pkey.get()));
    return PublicKey{std::make_shared<const KeyHandle>(KeyHandle{std::move(pkey), handle_->key_fingerprint})};
}

Result<void> Certificate::issued_by(const Certificate& ca) const
{
    X509* issuer = ca.handle_->x509.get();
    if (X509_check_ca(issuer) != 1) {
        ERR_clear_error();
        return Error{Errc::rejected, "the issuing certificate is not one of a certificate authority"};
    }
    if (const int mismatch = X509_check_issued(issuer, handle_->x509.get()); mismatch != X509_V_OK) {
        ERR_clear_error();
        return Error{Errc::rejected,
            std::string{"the certificate was issued by another authority: "}
                + X509_verify_cert_error_string(mismatch)};
    }
    if (X509_verify(handle_->x509.get(), X509_get0_pubkey(issuer)) != 1)
        return openssl_error("the authority's signature on the certificate is wrong", Errc::rejected);
    return {};
}

Result<std::string> Certificate::to_pem() const
{
    const Bio bio{BIO_new(BIO_s_mem())};
    if (bio == nullptr || PEM_write_bio_X509(bio.get(), handle_->x509.get()) != 1)
        return openssl_error("writing a certificate");
    return std::string{bio_text(bio.get())};
}

Result<void> key_belongs_to(const PrivateKey& key, const Certificate& certificate)
{
    if (key.fingerprint() == certificate.key_fingerprint())
        return {};
    return Error{Errc::rejected,
        "the private key does not belong to the certificate: the key is " + key.fingerprint().hex()
            + ", the certificate was made for " + certificate.key_fingerprint().hex()};
}

} // namespace slipway::crypto
