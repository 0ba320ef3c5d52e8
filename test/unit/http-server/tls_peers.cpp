#include "test/unit/http-server/tls_peers.h"

#include "common/c_ptr.h"
#include "test/unit/http-server/raw_client.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace slipway::test {

namespace {

using Bio = CPtr<BIO, &BIO_free_all>;
using Certificate = CPtr<X509, &X509_free>;
using Context = CPtr<SSL_CTX, &SSL_CTX_free>;
using Key = CPtr<EVP_PKEY, &EVP_PKEY_free>;
using Session = CPtr<SSL_SESSION, &SSL_SESSION_free>;
using Ssl = CPtr<SSL, &SSL_free>;

std::string text_of(BIO* bio)
{
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string pem(X509* certificate)
{
    const Bio out{BIO_new(BIO_s_mem())};
    PEM_write_bio_X509(out.get(), certificate);
    return text_of(out.get());
}

std::string pem(EVP_PKEY* key)
{
    const Bio out{BIO_new(BIO_s_mem())};
    PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(out.get());
}

struct Span {
    long from = -3600; ///< Seconds from now.
    long to = 3600;
};

Certificate make_certificate(
    const std::string& name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key, Span span)
{
    static long serial = 1;
    Certificate certificate{X509_new()};
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), span.from);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), span.to);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME* subject = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(
        subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), issuer ? X509_get_subject_name(issuer) : subject);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(
        nullptr, nullptr, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
    X509_add_ext(certificate.get(), extension, -1);
    X509_EXTENSION_free(extension);
    if (X509_sign(certificate.get(), issuer_key, EVP_sha256()) == 0)
        throw std::runtime_error{"signing a certificate failed"};
    return certificate;
}

} // namespace

struct Authority::Impl {
    Key key{EVP_EC_gen("P-256")};
    Certificate certificate;
    std::string text;
};

Authority::Authority(const std::string& name)
    : impl_{std::make_unique<Impl>()}
{
    impl_->certificate = make_certificate(name, impl_->key.get(), nullptr, impl_->key.get(), {});
    impl_->text = pem(impl_->certificate.get());
}

Authority::~Authority() = default;

const std::string& Authority::certificate() const { return impl_->text; }

Identity Authority::issue(const std::string& name) const
{
    const Key key{EVP_EC_gen("P-256")};
    const auto certificate
        = make_certificate(name, key.get(), impl_->certificate.get(), impl_->key.get(), {});
    return {pem(certificate.get()), pem(key.get())};
}

Identity Authority::issue_expired(const std::string& name) const
{
    const Key key{EVP_EC_gen("P-256")};
    const auto certificate
        = make_certificate(name, key.get(), impl_->certificate.get(), impl_->key.get(), {-7200, -3600});
    return {pem(certificate.get()), pem(key.get())};
}

std::string common_name(const std::string& der)
{
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const Certificate certificate{d2i_X509(nullptr, &at, static_cast<long>(der.size()))};
    std::array<char, 100> name{};
    if (!certificate
        || X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
               static_cast<int>(name.size()))
            < 0)
        return {};
    return name.data();
}

struct TlsClient::Impl {
    explicit Impl(std::uint16_t port)
        : socket{port}
    {
    }

    RawClient socket;
    Context context{SSL_CTX_new(TLS_client_method())};
    Ssl ssl;
    bool shaken = false;
};

TlsClient::TlsClient(std::uint16_t port, const Identity& identity, int version, const TlsClient* resume)
    : impl_{std::make_unique<Impl>(port)}
{
    SSL_CTX* context = impl_->context.get();
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    // So that versions which the server must refuse are offered at all.
    SSL_CTX_set_security_level(context, 0);
    if (!identity.certificate.empty()) {
        const Bio certificate{
            BIO_new_mem_buf(identity.certificate.data(), static_cast<int>(identity.certificate.size()))};
        const Certificate leaf{PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr)};
        const Bio text{BIO_new_mem_buf(identity.key.data(), static_cast<int>(identity.key.size()))};
        const Key key{PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr)};
        SSL_CTX_use_certificate(context, leaf.get());
        SSL_CTX_use_PrivateKey(context, key.get());
    }
    impl_->ssl.reset(SSL_new(context));
    if (resume) {
        const Session session{SSL_get1_session(resume->impl_->ssl.get())};
        SSL_set_session(impl_->ssl.get(), session.get());
    }
    SSL_set_fd(impl_->ssl.get(), impl_->socket.fd());
    impl_->shaken = SSL_connect(impl_->ssl.get()) == 1;
}

TlsClient::~TlsClient() = default;

bool TlsClient::shaken() const { return impl_->shaken; }

bool TlsClient::resumed() const { return SSL_session_reused(impl_->ssl.get()) == 1; }

std::string TlsClient::server_name() const
{
    const Certificate certificate{SSL_get1_peer_certificate(impl_->ssl.get())};
    unsigned char* der = nullptr;
    const int size = certificate ? i2d_X509(certificate.get(), &der) : 0;
    const std::string name
        = size > 0 ? common_name({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)}) : "";
    OPENSSL_free(der);
    return name;
}

void TlsClient::send(const std::string& bytes)
{
    if (impl_->shaken && !bytes.empty())
        SSL_write(impl_->ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
}

std::string TlsClient::exchange(const std::string& bytes)
{
    send(bytes);
    std::string out;
    std::array<char, 16384> buffer{};
    std::size_t got = 0;
    while (SSL_read_ex(impl_->ssl.get(), buffer.data(), buffer.size(), &got) == 1)
        out.append(buffer.data(), got);
    return out;
}

} // namespace slipway::test
