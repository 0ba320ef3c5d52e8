#include "crypto/ca.h"

#include "crypto/certificate_handle.h"
#include "crypto/key_handle.h"
#include "crypto/openssl_error.h"
#include "crypto/x509_builder.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cstring>

namespace slipway::crypto {

namespace {

using Time = CertificateAuthority::Time;
using std::chrono::days;

constexpr auto kBackdated = std::chrono::minutes{5};
constexpr auto kCaLife = days{30 * 365 + 8};
constexpr auto kPoolLife = days{10 * 365 + 3};
constexpr auto kServerLife = days{825};
constexpr std::size_t kMaxCommonName = 64; // ub-common-name of RFC 5280
constexpr std::size_t kMaxServerNames = 100;

Result<EvpPkey> make_ec_key()
{
    EvpPkey key{EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")};
    if (key == nullptr)
        return openssl_error("generating an EC key");
    return key;
}

Result<Secret> write_key(EVP_PKEY* key, const Secret& passphrase)
{
    const Bio bio{BIO_new(BIO_s_mem())};
    const auto words = passphrase.reveal();
    const EVP_CIPHER* cipher = words.empty() ? nullptr : EVP_aes_256_cbc();
    if (bio == nullptr
        || PEM_write_bio_PKCS8PrivateKey(
               bio.get(), key, cipher, words.data(), static_cast<int>(words.size()), nullptr, nullptr)
            != 1)
        return openssl_error("writing a private key");
    return Secret{bio_text(bio.get())};
}

/// OpenSSL asks for the passphrase; without one the answer must be a failure, or it asks the terminal.
int give_passphrase(char* buffer, int size, int, void* secret) noexcept
{
    const auto words = static_cast<const Secret*>(secret)->reveal();
    if (words.empty() || words.size() > static_cast<std::size_t>(size))
        return -1;
    std::memcpy(buffer, words.data(), words.size());
    return static_cast<int>(words.size());
}

Result<void> check_common_name(std::string_view name)
{
    const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
    if (!name.empty() && name.size() <= kMaxCommonName && std::all_of(name.begin(), name.end(), is_plain))
        return {};
    return Error{Errc::invalid_input, "a certificate's name is 1 to 64 printable ASCII characters"};
}

bool is_dns_name(std::string_view name)
{
    const auto is_allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
            || c == '.' || c == '_';
    };
    if (name.starts_with("*."))
        name.remove_prefix(2);
    return !name.empty() && name.size() <= 253 && name.front() != '.'
        && name.find("..") == std::string_view::npos && std::all_of(name.begin(), name.end(), is_allowed);
}

/// Takes `value` over, also on failure.
Result<void> add_name(GENERAL_NAMES* names, int type, ASN1_STRING* value)
{
    GeneralName name{value != nullptr ? GENERAL_NAME_new() : nullptr};
    if (name == nullptr) {
        ASN1_STRING_free(value);
        return openssl_error("adding a name");
    }
    GENERAL_NAME_set0_value(name.get(), type, value);
    if (sk_GENERAL_NAME_push(names, name.get()) <= 0)
        return openssl_error("adding a name");
    static_cast<void>(name.release());
    return {};
}

Result<GeneralNames> make_names(const ServerNames& names)
{
    const std::size_t count = names.dns.size() + names.ips.size();
    if (count == 0 || count > kMaxServerNames)
        return Error{Errc::invalid_input,
            "a server certificate has 1 to " + std::to_string(kMaxServerNames) + " names"};
    GeneralNames made{GENERAL_NAMES_new()};
    if (made == nullptr)
        return openssl_error("making a list of names");
    for (const auto& dns : names.dns) {
        if (!is_dns_name(dns))
            return Error{Errc::invalid_input, "not a host name: \"" + dns + "\""};
        ASN1_STRING* text = ASN1_IA5STRING_new();
        if (text != nullptr && ASN1_STRING_set(text, dns.data(), static_cast<int>(dns.size())) != 1) {
            ASN1_STRING_free(text);
            text = nullptr;
        }
        SLIPWAY_TRY(add_name(made.get(), GEN_DNS, text));
    }
    for (const auto& ip : names.ips) {
        ASN1_OCTET_STRING* address = a2i_IPADDRESS(ip.c_str());
        if (address == nullptr) {
            ERR_clear_error();
            return Error{Errc::invalid_input, "not an IP address: \"" + ip + "\""};
        }
        SLIPWAY_TRY(add_name(made.get(), GEN_IPADD, address));
    }
    return made;
}

} // namespace

CertificateAuthority::CertificateAuthority(Certificate certificate, std::shared_ptr<const KeyHandle> key)
    : certificate_{std::move(certificate)}
    , key_{std::move(key)}
{
}

Result<CertificateAuthority> CertificateAuthority::create(
    std::string_view common_name, Random& random, Time now)
{
    SLIPWAY_TRY(check_common_name(common_name));
    EvpPkey key = SLIPWAY_TRY(make_ec_key());
    const auto der = SLIPWAY_TRY(X509Builder{}
                                     .serial(random)
                                     .validity(now - kBackdated, now + kCaLife)
                                     .subject(common_name)
                                     .key(key.get())
                                     .issuer(nullptr)
                                     .extension(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
                                     .extension(NID_key_usage, "critical,keyCertSign,cRLSign")
                                     .sign(key.get()));
    auto certificate = SLIPWAY_TRY(Certificate::from_der(der));
    return CertificateAuthority{std::move(certificate),
        std::make_shared<const KeyHandle>(SLIPWAY_TRY(KeyHandle::create(std::move(key))))};
}

Result<CertificateAuthority> CertificateAuthority::load(
    std::string_view certificate_pem, const Secret& key_pem, const Secret& passphrase)
{
    auto certificate
        = SLIPWAY_TRY(in("reading the CA's certificate", Certificate::from_pem(certificate_pem)));
    const auto text = key_pem.reveal();
    const Bio bio{
        BIO_new_mem_buf(text.data(), static_cast<int>(std::min<std::size_t>(text.size(), 64 * 1024)))};
    if (bio == nullptr)
        return openssl_error("reading the CA's key");
    // The callback only reads the passphrase; its parameter has no const.
    EvpPkey pkey{
        PEM_read_bio_PrivateKey(bio.get(), nullptr, &give_passphrase, const_cast<Secret*>(&passphrase))};
    if (pkey == nullptr)
        return openssl_error(passphrase.empty() ? "reading the CA's key (it may need a passphrase)"
                                                : "reading the CA's key with the given passphrase",
            Errc::rejected);
    auto key = SLIPWAY_TRY(KeyHandle::create(std::move(pkey)));
    if (key.fingerprint != certificate.key_fingerprint())
        return Error{Errc::rejected, "the CA's key does not belong to its certificate"};
    const int is_authority = X509_check_ca(certificate.handle_->x509.get());
    ERR_clear_error(); // an extension that it cannot read leaves something there
    if (is_authority != 1)
        return Error{Errc::rejected, "the certificate is not one of a certificate authority"};
    return CertificateAuthority{std::move(certificate), std::make_shared<const KeyHandle>(std::move(key))};
}

Result<Secret> CertificateAuthority::key_pem(const Secret& passphrase) const
{
    return write_key(key_->pkey.get(), passphrase);
}

Result<Certificate> CertificateAuthority::sign_pool_csr(
    const Csr& csr, std::string_view pool_id, Random& random, Time now) const
{
    SLIPWAY_TRY(check_common_name(pool_id));
    if (now >= certificate_.not_after())
        return Error{Errc::rejected, "the CA's certificate has ended: make a new CA"};
    const auto der = SLIPWAY_TRY(
        X509Builder{}
            .serial(random)
            .validity(now - kBackdated, std::min<Time>(now + kPoolLife, certificate_.not_after()))
            .subject(pool_id)
            .key(csr.public_key().handle_->pkey.get())
            .issuer(certificate_.handle_->x509.get())
            .extension(NID_basic_constraints, "critical,CA:FALSE")
            .extension(NID_key_usage, "critical,digitalSignature")
            .extension(NID_ext_key_usage, "clientAuth")
            .sign(key_->pkey.get()));
    return Certificate::from_der(der);
}

Result<ServerIdentity> CertificateAuthority::issue_server(
    const ServerNames& names, Random& random, Time now) const
{
    const GeneralNames alternative = SLIPWAY_TRY(make_names(names));
    if (now >= certificate_.not_after())
        return Error{Errc::rejected, "the CA's certificate has ended: make a new CA"};
    const EvpPkey key = SLIPWAY_TRY(make_ec_key());
    // Clients look at the alternative names alone; the common name is for people.
    std::string_view shown = names.dns.empty() ? names.ips.front() : names.dns.front();
    if (shown.size() > kMaxCommonName)
        shown = "slipway";
    const auto der = SLIPWAY_TRY(
        X509Builder{}
            .serial(random)
            .validity(now - kBackdated, std::min<Time>(now + kServerLife, certificate_.not_after()))
            .subject(shown)
            .key(key.get())
            .issuer(certificate_.handle_->x509.get())
            .extension(NID_basic_constraints, "critical,CA:FALSE")
            .extension(NID_key_usage, "critical,digitalSignature")
            .extension(NID_ext_key_usage, "serverAuth")
            .alternative_names(alternative.get())
            .sign(key_->pkey.get()));
    auto certificate = SLIPWAY_TRY(Certificate::from_der(der));
    return ServerIdentity{std::move(certificate), SLIPWAY_TRY(write_key(key.get(), {}))};
}

} // namespace slipway::crypto
