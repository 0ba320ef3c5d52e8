#include "common/http/server_transport.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>
#include <vector>

namespace slipway::http {

namespace {

using Bio = CPtr<BIO, &BIO_free_all>;
using Certificate = CPtr<X509, &X509_free>;
using PrivateKey = CPtr<EVP_PKEY, &EVP_PKEY_free>;
using Ssl = CPtr<SSL, &SSL_free>;

std::string last_openssl_error()
{
    const unsigned long code = ERR_peek_last_error();
    if (code == 0)
        return "connection closed";
    std::array<char, 256> text{};
    ERR_error_string_n(code, text.data(), text.size());
    return text.data();
}

Error wrong(std::string_view what)
{
    Error error{Errc::invalid_input, std::string{what} + ": " + last_openssl_error()};
    ERR_clear_error();
    return error;
}

class PlainTransport final : public Transport {
public:
    explicit PlainTransport(int socket)
        : socket_{socket}
    {
    }

    IoStep handshake() override { return {IoStep::State::done, 0}; }

    IoStep read(char* into, std::size_t size) override
    {
        ssize_t got = 0;
        do
            got = ::recv(socket_, into, size, MSG_DONTWAIT);
        while (got < 0 && errno == EINTR);
        return step(got, IoStep::State::want_read);
    }

    IoStep write(const char* from, std::size_t size) override
    {
        ssize_t put = 0;
        do
            put = ::send(socket_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (put < 0 && errno == EINTR);
        return step(put, IoStep::State::want_write);
    }

    void shut_down() override { ::shutdown(socket_, SHUT_WR); }

    std::optional<std::string> peer_certificate() const override { return std::nullopt; }

    std::string trouble() const override { return "connection closed"; }

private:
    static IoStep step(ssize_t moved, IoStep::State wait)
    {
        if (moved > 0)
            return {IoStep::State::done, static_cast<std::size_t>(moved)};
        if (moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return {wait, 0};
        return {IoStep::State::closed, 0};
    }

    int socket_;
};

class TlsTransport final : public Transport {
public:
    TlsTransport(Ssl ssl, int socket)
        : ssl_{std::move(ssl)}
        , socket_{socket}
    {
    }

    IoStep handshake() override
    {
        ERR_clear_error();
        return step(SSL_do_handshake(ssl_.get()), 0);
    }

    IoStep read(char* into, std::size_t size) override
    {
        ERR_clear_error();
        std::size_t got = 0;
        const int outcome = SSL_read_ex(ssl_.get(), into, size, &got);
        return step(outcome, got);
    }

    IoStep write(const char* from, std::size_t size) override
    {
        ERR_clear_error();
        std::size_t put = 0;
        const int outcome = SSL_write_ex(ssl_.get(), from, size, &put);
        return step(outcome, put);
    }

    void shut_down() override
    {
        ERR_clear_error();
        if (!broken_)
            SSL_shutdown(ssl_.get());
        ERR_clear_error();
        ::shutdown(socket_, SHUT_WR);
    }

    std::optional<std::string> peer_certificate() const override
    {
        const Certificate certificate{SSL_get1_peer_certificate(ssl_.get())};
        if (!certificate || SSL_get_verify_result(ssl_.get()) != X509_V_OK)
            return std::nullopt;
        const int size = i2d_X509(certificate.get(), nullptr);
        if (size <= 0)
            return std::nullopt;
        std::string der(static_cast<std::size_t>(size), '\0');
        auto* out = reinterpret_cast<unsigned char*>(der.data()); // OpenSSL's byte type.
        i2d_X509(certificate.get(), &out);
        return der;
    }

    std::string trouble() const override { return trouble_; }

private:
    IoStep step(int outcome, std::size_t moved)
    {
        if (outcome > 0)
            return {IoStep::State::done, moved};
        const int reason = SSL_get_error(ssl_.get(), outcome);
        if (reason == SSL_ERROR_WANT_READ)
            return {IoStep::State::want_read, 0};
        if (reason == SSL_ERROR_WANT_WRITE)
            return {IoStep::State::want_write, 0};
        // After these two SSL_shutdown must not be called: SSL_get_error(3).
        broken_ = reason == SSL_ERROR_SSL || reason == SSL_ERROR_SYSCALL;
        trouble_ = last_openssl_error();
        ERR_clear_error();
        return {IoStep::State::closed, 0};
    }

    Ssl ssl_;
    int socket_;
    bool broken_ = false;
    std::string trouble_ = "connection closed";
};

int no_passphrase(char*, int, int, void*) { return -1; }

Bio memory(std::string_view bytes)
{
    const int size = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
    return Bio{BIO_new_mem_buf(bytes.data(), size)};
}

Result<std::vector<Certificate>> read_certificates(std::string_view pem)
{
    const Bio in = memory(pem);
    std::vector<Certificate> certificates;
    while (Certificate certificate{PEM_read_bio_X509(in.get(), nullptr, &no_passphrase, nullptr)})
        certificates.push_back(std::move(certificate));
    // Anything but the end of the text means that a certificate in it was not read.
    if (certificates.empty() || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return wrong("not a list of PEM certificates");
    ERR_clear_error();
    return certificates;
}

Result<void> use_identity(SSL_CTX* context, const ServerTls& tls)
{
    const auto chain
        = SLIPWAY_TRY(in("reading the TLS certificate", read_certificates(tls.certificate_chain)));
    if (SSL_CTX_use_certificate(context, chain.front().get()) != 1)
        return wrong("the TLS certificate cannot be used");
    for (std::size_t i = 1; i < chain.size(); ++i) {
        if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1)
            return wrong("a TLS intermediate certificate cannot be used");
    }
    const Bio in = memory(tls.private_key.reveal());
    const PrivateKey key{PEM_read_bio_PrivateKey(in.get(), nullptr, &no_passphrase, nullptr)};
    if (!key)
        return wrong("the TLS private key cannot be read");
    if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
        return wrong("the TLS private key does not belong to the certificate");
    return {};
}

Result<void> ask_for_client_certificate(SSL_CTX* context, std::string_view pem)
{
    const auto authorities = SLIPWAY_TRY(in("reading the client CA", read_certificates(pem)));
    for (const auto& authority : authorities) {
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1
            || SSL_CTX_add_client_CA(context, authority.get()) != 1)
            return wrong("a client CA certificate cannot be used");
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    return {};
}

Result<void> set_minimum(SSL_CTX* context, TlsVersion minimum)
{
    static constexpr std::array kVersions{TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
    if (SSL_CTX_set_min_proto_version(context, kVersions[static_cast<std::size_t>(minimum)]) != 1)
        return wrong("setting the least TLS version");
    // What the old versions sign with, SHA-1, is beneath OpenSSL's level 1.
    if (minimum < TlsVersion::v1_2 && SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0") != 1)
        return wrong("choosing the ciphers of old TLS versions");
    return {};
}

} // namespace

std::unique_ptr<Transport> plain_transport(int socket) { return std::make_unique<PlainTransport>(socket); }

Result<TlsServerContext> TlsServerContext::create(const ServerTls& tls)
{
    ERR_clear_error();
    Context context{SSL_CTX_new(TLS_server_method())};
    if (!context)
        return wrong("setting up TLS");
    SLIPWAY_TRY(set_minimum(context.get(), tls.minimum));
    // No tickets and no cache: a resumed session would stand on a certificate that was checked some other
    // time.
    SSL_CTX_set_options(context.get(),
        SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    // Idle connections by the thousand hold no record buffers.
    SSL_CTX_set_mode(context.get(),
        SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SLIPWAY_TRY(use_identity(context.get(), tls));
    if (!tls.client_ca.empty())
        SLIPWAY_TRY(ask_for_client_certificate(context.get(), tls.client_ca));
    return TlsServerContext{std::move(context)};
}

Result<std::unique_ptr<Transport>> TlsServerContext::accept(int socket) const
{
    Ssl ssl{SSL_new(context_.get())};
    if (!ssl || SSL_set_fd(ssl.get(), socket) != 1)
        return wrong("setting up a TLS connection");
    SSL_set_accept_state(ssl.get());
    return std::unique_ptr<Transport>{std::make_unique<TlsTransport>(std::move(ssl), socket)};
}

} // namespace slipway::http
