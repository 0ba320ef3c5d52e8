#include "common/clock.h"
#include "crypto/ca.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

namespace slipway::crypto {

using Catch::Matchers::Contains;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::minutes;
using std::chrono::seconds;
using test::first_key;
using test::openssl;

namespace {

constexpr auto kNow = CertificateAuthority::Time{std::chrono::sys_days{std::chrono::year{2026} / 1 / 2}};

CertificateAuthority make_ca(std::string_view name = "Slipway CA", CertificateAuthority::Time now = kNow)
{
    SystemRandom random;
    auto ca = CertificateAuthority::create(name, random, now);
    REQUIRE(ca);
    return *std::move(ca);
}

Certificate pool_certificate(const CertificateAuthority& ca, CertificateAuthority::Time now = kNow)
{
    SystemRandom random;
    auto certificate
        = ca.sign_pool_csr(test::request(first_key()), "01ARZ3NDEKTSV4RRFFQ69G5FAV", random, now);
    REQUIRE(certificate);
    return *std::move(certificate);
}

std::string text_of(const Certificate& certificate)
{
    const auto pem = certificate.to_pem();
    REQUIRE(pem);
    return openssl({"x509", "-in", "in", "-noout", "-text"}, *pem);
}

std::string pem_of(const Certificate& certificate)
{
    const auto pem = certificate.to_pem();
    REQUIRE(pem);
    return *pem;
}

} // namespace

TEST_CASE("a new authority is good for thirty years and for certificates only", "[crypto]")
{
    const auto ca = make_ca();
    const Certificate& certificate = ca.certificate();
    CHECK(certificate.subject_common_name() == "Slipway CA");
    CHECK(certificate.not_before() == kNow - minutes{5});
    CHECK(certificate.not_after() == kNow + days{30 * 365 + 8});
    CHECK(certificate.issued_by(certificate));
    const std::string text = text_of(certificate);
    CHECK_THAT(text, Contains("CA:TRUE, pathlen:0"));
    CHECK_THAT(text, Contains("Certificate Sign, CRL Sign"));
    CHECK_THAT(text, Contains("prime256v1"));
}

TEST_CASE("a pool's certificate carries its name and its key and lasts ten years", "[crypto]")
{
    const auto ca = make_ca();
    const auto certificate = pool_certificate(ca);
    CHECK(certificate.subject_common_name() == "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    CHECK(certificate.not_before() == kNow - minutes{5});
    CHECK(certificate.not_after() == kNow + days{10 * 365 + 3});
    CHECK(certificate.issued_by(ca.certificate()));
    CHECK(certificate.key_fingerprint() == first_key().fingerprint());
    CHECK(key_belongs_to(first_key(), certificate));
    const auto key = certificate.public_key();
    REQUIRE(key);
    CHECK(key->fingerprint() == first_key().fingerprint());
    const std::string text = text_of(certificate);
    CHECK_THAT(text, Contains("TLS Web Client Authentication"));
    CHECK_THAT(text, Contains("CA:FALSE"));
    CHECK_THAT(text, !Contains("Server Authentication"));
}

TEST_CASE("nothing but the key of a request reaches the certificate", "[crypto]")
{
    SystemRandom random;
    const std::string pem = openssl(
        {"req", "-new", "-batch", "-key", "in", "-subj", "/O=Evil/CN=evil", "-addext",
            "basicConstraints=critical,CA:TRUE", "-addext", "subjectAltName=DNS:evil.example", "-out", "out"},
        test::pem_of(first_key()));
    REQUIRE_THAT(openssl({"req", "-in", "in", "-noout", "-text"}, pem), Contains("evil.example"));
    const auto csr = Csr::from_text(pem);
    REQUIRE(csr);
    const auto ca = make_ca();
    const auto certificate = ca.sign_pool_csr(*csr, "pool", random, kNow);
    REQUIRE(certificate);
    CHECK(certificate->subject_common_name() == "pool");
    const std::string text = text_of(*certificate);
    CHECK_THAT(text, !Contains("vil"));
    CHECK_THAT(text, !Contains("CA:TRUE"));
}

TEST_CASE("a certificate belongs to one key", "[crypto]")
{
    const auto certificate = pool_certificate(make_ca());
    const auto belongs = key_belongs_to(test::second_key(), certificate);
    REQUIRE_FALSE(belongs);
    CHECK(belongs.error().code() == Errc::rejected);
    CHECK_THAT(belongs.error().message(), Contains(test::second_key().fingerprint().hex()));
    CHECK_THAT(belongs.error().message(), Contains(first_key().fingerprint().hex()));
}

TEST_CASE("serial numbers do not repeat", "[crypto]")
{
    SystemRandom random;
    const auto ca = make_ca();
    const auto csr = test::request(first_key());
    std::set<std::string> serials{ca.certificate().serial()};
    for (int i = 0; i < 20; ++i) {
        const auto certificate = ca.sign_pool_csr(csr, "pool", random, kNow);
        REQUIRE(certificate);
        serials.insert(certificate->serial());
    }
    CHECK(serials.size() == 21);
}

TEST_CASE("what openssl says of a certificate is what we read", "[crypto]")
{
    const auto ca = make_ca();
    const auto certificate = pool_certificate(ca);
    std::string said
        = openssl({"x509", "-in", "in", "-noout", "-serial", "-fingerprint", "-sha256"}, pem_of(certificate));
    said.erase(std::remove(said.begin(), said.end(), ':'), said.end());
    std::transform(said.begin(), said.end(), said.begin(),
        [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    CHECK_THAT(said, Contains("serial=" + certificate.serial() + "\n"));
    CHECK_THAT(said, Contains("fingerprint=" + certificate.fingerprint().hex() + "\n"));
}

TEST_CASE("a certificate of another authority is refused, also under the same name", "[crypto]")
{
    const auto ca = make_ca();
    const auto foreign = make_ca();
    const auto certificate = pool_certificate(ca);
    for (const auto& issuer : {foreign.certificate(), make_ca("Another").certificate(), certificate}) {
        const auto issued = certificate.issued_by(issuer);
        REQUIRE_FALSE(issued);
        CHECK(issued.error().code() == Errc::rejected);
    }
}

TEST_CASE("a certificate whose bytes were changed is not its authority's", "[crypto]")
{
    const auto ca = make_ca();
    const std::string pem = pem_of(pool_certificate(ca));
    std::string der = openssl({"x509", "-in", "in", "-outform", "DER", "-out", "out"}, pem);
    der[der.find("01ARZ3NDEK")] = '1';
    const auto forged = Certificate::from_der(der);
    REQUIRE(forged);
    const auto issued = forged->issued_by(ca.certificate());
    REQUIRE_FALSE(issued);
    CHECK_THAT(issued.error().message(), Contains("the authority's signature on the certificate is wrong"));
}

TEST_CASE("a server's certificate is good for the names it was asked for", "[crypto]")
{
    SystemRandom random;
    const auto ca = make_ca("Slipway CA", std::chrono::system_clock::now());
    const auto server = ca.issue_server(
        {.dns = {"mothership.example", "*.pool.example"}, .ips = {"127.0.0.1", "2001:db8::1"}}, random,
        std::chrono::system_clock::now());
    REQUIRE(server);
    const auto issued = server->certificate.issued_by(ca.certificate());
    INFO((issued ? "issued" : issued.error().message()));
    CHECK(issued);
    CHECK(server->certificate.not_after() < std::chrono::system_clock::now() + days{826});
    CHECK_FALSE(server->certificate.public_key());
    const std::string both = pem_of(server->certificate) + pem_of(ca.certificate());
    const auto verify = [&](const std::string& option, const std::string& name) {
        // "in" holds the server's certificate, which is the one that is checked, and the authority's.
        return openssl({"x509", "-in", "in", "-noout", option, name}, both);
    };
    CHECK_THAT(verify("-checkhost", "mothership.example"), Contains("does match certificate"));
    CHECK_THAT(verify("-checkhost", "a.pool.example"), Contains("does match certificate"));
    CHECK_THAT(verify("-checkip", "127.0.0.1"), Contains("does match certificate"));
    CHECK_THAT(verify("-checkip", "2001:db8::1"), Contains("does match certificate"));
    CHECK_THAT(verify("-checkhost", "other.example"), Contains("does NOT match certificate"));
    CHECK_THAT(verify("-checkhost", "a.b.pool.example"), Contains("does NOT match certificate"));
    CHECK_THAT(verify("-checkip", "127.0.0.2"), Contains("does NOT match certificate"));
    const std::string text = text_of(server->certificate);
    CHECK_THAT(text, Contains("TLS Web Server Authentication"));
    CHECK_THAT(text, !Contains("Client Authentication"));
    CHECK_THAT(openssl({"verify", "-purpose", "sslserver", "-trusted", "in", "in"}, both), Contains("OK"));
    CHECK_THAT(std::string{server->key_pem.reveal()}, Contains("BEGIN PRIVATE KEY"));
}

TEST_CASE("a server's key is the one of its certificate", "[crypto]")
{
    SystemRandom random;
    const auto server = make_ca().issue_server({.dns = {}, .ips = {"127.0.0.1"}}, random, kNow);
    REQUIRE(server);
    CHECK(server->certificate.subject_common_name() == "127.0.0.1");
    const std::string der = openssl({"pkey", "-pubout", "-outform", "DER", "-in", "in", "-out", "out"},
        std::string{server->key_pem.reveal()});
    CHECK(sha256(der) == server->certificate.key_fingerprint());
}

TEST_CASE("a name that is no host name is refused and cannot smuggle another one in", "[crypto]")
{
    SystemRandom random;
    const auto ca = make_ca();
    for (const std::string name :
        {"a.example,DNS:b.example", "a example", "", "*", "*.", ".a", "a..b", "h:443", "a/b", "a*b"}) {
        INFO(name);
        const auto server = ca.issue_server({.dns = {name}, .ips = {}}, random, kNow);
        REQUIRE_FALSE(server);
        CHECK(server.error().code() == Errc::invalid_input);
        CHECK_THAT(server.error().message(), Contains("not a host name: \"" + name + "\""));
    }
    for (const std::string address : {"", "1.2.3", "256.1.1.1", "1.2.3.4,5.6.7.8", "host", "::g"}) {
        INFO(address);
        const auto server = ca.issue_server({.dns = {}, .ips = {address}}, random, kNow);
        REQUIRE_FALSE(server);
        CHECK_THAT(server.error().message(), Contains("not an IP address: \"" + address + "\""));
    }
    CHECK(ca.issue_server({}, random, kNow).error().code() == Errc::invalid_input);
}

TEST_CASE("a certificate's name is one to 64 printable characters", "[crypto]")
{
    SystemRandom random;
    const auto ca = make_ca();
    const auto csr = test::request(first_key());
    for (const std::string& name :
        {std::string{}, std::string(65, 'a'), std::string{"a\nb"}, std::string{"a\0b", 3}}) {
        CHECK(ca.sign_pool_csr(csr, name, random, kNow).error().code() == Errc::invalid_input);
        CHECK(CertificateAuthority::create(name, random, kNow).error().code() == Errc::invalid_input);
    }
    CHECK(ca.sign_pool_csr(csr, std::string(64, 'a'), random, kNow));
}

TEST_CASE("no certificate outlives its authority", "[crypto]")
{
    SystemRandom random;
    const auto ca = make_ca();
    const auto end = ca.certificate().not_after();
    CHECK(pool_certificate(ca, end - days{1}).not_after() == end);
    const auto late = ca.sign_pool_csr(test::request(first_key()), "pool", random, end);
    REQUIRE_FALSE(late);
    CHECK(late.error().code() == Errc::rejected);
    CHECK_FALSE(ca.issue_server({.dns = {"a"}, .ips = {}}, random, end));
}

TEST_CASE("an authority is loaded from what it wrote, with and without a passphrase", "[crypto]")
{
    const auto ca = make_ca();
    const std::string certificate = pem_of(ca.certificate());
    const Secret words{"correct horse"};
    const auto plain = ca.key_pem();
    const auto sealed = ca.key_pem(words);
    REQUIRE(plain);
    REQUIRE(sealed);
    REQUIRE_THAT(std::string{sealed->reveal()}, Contains("BEGIN ENCRYPTED PRIVATE KEY"));
    for (const auto& loaded : {CertificateAuthority::load(certificate, *plain),
             CertificateAuthority::load(certificate, *sealed, words)}) {
        REQUIRE(loaded);
        CHECK(pool_certificate(*loaded).issued_by(ca.certificate()));
    }
}

TEST_CASE("an authority is not loaded from what does not fit", "[crypto]")
{
    const auto ca = make_ca();
    const std::string certificate = pem_of(ca.certificate());
    const auto key = ca.key_pem();
    const auto sealed = ca.key_pem(Secret{"correct horse"});
    const auto foreign = make_ca().key_pem();
    REQUIRE(key);
    REQUIRE(sealed);
    REQUIRE(foreign);
    const auto refusal = [](const Result<CertificateAuthority>& loaded) {
        REQUIRE_FALSE(loaded);
        CHECK(loaded.error().code() == Errc::rejected);
        return loaded.error().message();
    };
    CHECK_THAT(
        refusal(CertificateAuthority::load(certificate, *sealed)), Contains("it may need a passphrase"));
    CHECK_THAT(refusal(CertificateAuthority::load(certificate, *sealed, Secret{"wrong"})),
        Contains("with the given passphrase"));
    CHECK_THAT(refusal(CertificateAuthority::load(certificate, *foreign)),
        Contains("does not belong to its certificate"));
    CHECK_THAT(
        refusal(CertificateAuthority::load(certificate, Secret{"hello"})), Contains("reading the CA's key"));
    CHECK_THAT(
        refusal(CertificateAuthority::load(pem_of(pool_certificate(ca)), Secret{test::pem_of(first_key())})),
        Contains("the certificate is not one of a certificate authority"));
    CHECK_FALSE(CertificateAuthority::load("hello", *key));
}

TEST_CASE("a certificate is refused when it is cut, followed by something or something else", "[crypto]")
{
    const std::string pem = pem_of(make_ca().certificate());
    const std::string der = openssl({"x509", "-in", "in", "-outform", "DER", "-out", "out"}, pem);
    REQUIRE(Certificate::from_der(der));
    CHECK(Certificate::from_der(der + '\0').error().message() == "bytes follow the end of the certificate");
    for (std::size_t size = 0; size < der.size(); size += 7)
        CHECK(Certificate::from_der(der.substr(0, size)).error().code() == Errc::invalid_input);
    CHECK_THAT(Certificate::from_pem(test::pem_of(first_key())).error().message(),
        Contains("a private key was given in place"));
    CHECK_THAT(Certificate::from_pem("x").error().message(), Contains("not a certificate in PEM"));
    CHECK(Certificate::from_pem(std::string(64 * 1024 + 1, 'x')).error().code() == Errc::exhausted);
    CHECK(Certificate::from_der(std::string(64 * 1024 + 1, 'x')).error().code() == Errc::exhausted);
}

} // namespace slipway::crypto
