#pragma once

#include "common/http/http_server.h"

#include <cstdint>
#include <memory>
#include <string>

namespace slipway::test {

struct Identity {
    std::string certificate; ///< PEM.
    std::string key; ///< PEM.
};

/// A certificate authority for one test. The keys are P-256.
class Authority {
public:
    explicit Authority(const std::string& name);
    ~Authority();

    [[nodiscard]] const std::string& certificate() const;
    [[nodiscard]] Identity issue(const std::string& name) const;
    /// A certificate whose time is over.
    [[nodiscard]] Identity issue_expired(const std::string& name) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// The common name in a DER certificate.
[[nodiscard]] std::string common_name(const std::string& der);

/// A client that speaks TLS and checks nothing of the server.
class TlsClient {
public:
    /// `identity` may be empty. `version` as TLS1_2_VERSION. `resume`: offer this client's session.
    TlsClient(std::uint16_t port, const Identity& identity, int version, const TlsClient* resume = nullptr);
    ~TlsClient();

    /// Whether the handshake went through on our side; with TLS 1.3 a refusal shows at the first read only.
    [[nodiscard]] bool shaken() const;
    [[nodiscard]] bool resumed() const;
    /// The common name in the server's certificate.
    [[nodiscard]] std::string server_name() const;
    void send(const std::string& bytes);
    /// Sends, then returns all bytes until the server closes or refuses.
    [[nodiscard]] std::string exchange(const std::string& bytes);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace slipway::test
