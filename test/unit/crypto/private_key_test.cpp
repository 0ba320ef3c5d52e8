#include "common/base64.h"
#include "crypto/key.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

namespace slipway::crypto {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using test::first_key;
using test::openssl;
using test::pem_of;

namespace {

std::string pkcs1_of(const PrivateKey& key)
{
    return openssl({"rsa", "-traditional", "-in", "in", "-out", "out"}, pem_of(key));
}

void check_refused(const Result<PrivateKey>& key, const std::string& words)
{
    INFO(words);
    REQUIRE_FALSE(key);
    CHECK(key.error().code() == Errc::invalid_input);
    CHECK_THAT(key.error().message(), Contains(words));
}

/// As PEM and as base64 of it.
void check_refused_both_ways(const std::string& pem, const std::string& words)
{
    check_refused(PrivateKey::from_pem(pem), words);
    check_refused(PrivateKey::from_base64_pem(pem), words);
    check_refused(PrivateKey::from_base64_pem(base64_encode(pem)), words);
}

} // namespace

TEST_CASE("a private key is read from PKCS#8 and PKCS#1, with any line ends", "[crypto]")
{
    const std::string pkcs8 = pem_of(first_key());
    const std::string pkcs1 = pkcs1_of(first_key());
    REQUIRE_THAT(pkcs8, StartsWith("-----BEGIN PRIVATE KEY-----"));
    REQUIRE_THAT(pkcs1, StartsWith("-----BEGIN RSA PRIVATE KEY-----"));
    for (const auto& text :
        {pkcs8, pkcs1, test::with_crlf(pkcs8), test::with_crlf(pkcs1), "\n\n" + pkcs8 + "\n"}) {
        const auto key = PrivateKey::from_pem(text);
        REQUIRE(key);
        CHECK(key->fingerprint() == first_key().fingerprint());
        CHECK(pem_of(*key) == pkcs8);
    }
}

TEST_CASE(
    "a private key is read from base64, from wrapped base64 and from plain PEM in its place", "[crypto]")
{
    const std::string pem = pem_of(first_key());
    const std::string crlf = test::with_crlf(pem);
    for (const auto& text : {base64_encode(pem), base64_encode(pem) + "\n", test::wrapped_base64(pem),
             test::with_crlf(test::wrapped_base64(pem)), base64_encode(crlf), pem, crlf}) {
        const auto key = PrivateKey::from_base64_pem(text);
        REQUIRE(key);
        CHECK(key->fingerprint() == first_key().fingerprint());
    }
}

TEST_CASE("a private key is found among other blocks", "[crypto]")
{
    const auto public_pem = first_key().public_key().to_pem();
    REQUIRE(public_pem);
    const auto key = PrivateKey::from_pem(*public_pem + test::request_pem(first_key()) + pem_of(first_key()));
    REQUIRE(key);
    CHECK(key->fingerprint() == first_key().fingerprint());
}

TEST_CASE("a key's fingerprint is the SHA-256 of its SubjectPublicKeyInfo", "[crypto]")
{
    const std::string der
        = openssl({"pkey", "-pubout", "-outform", "DER", "-in", "in", "-out", "out"}, pem_of(first_key()));
    CHECK(first_key().fingerprint() == sha256(der));
    CHECK(first_key().public_key().fingerprint() == sha256(der));
    CHECK(first_key().public_key().bits() == 2048);
}

TEST_CASE("a private key with a passphrase is refused with the remedy, in both styles", "[crypto]")
{
    const std::string pem = pem_of(first_key());
    const std::string pkcs8 = openssl(
        {"pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:word", "-in", "in", "-out", "out"}, pem);
    const std::string pkcs1 = openssl(
        {"rsa", "-traditional", "-aes128", "-passout", "pass:word", "-in", "in", "-out", "out"}, pem);
    REQUIRE_THAT(pkcs8, Contains("BEGIN ENCRYPTED PRIVATE KEY"));
    REQUIRE_THAT(pkcs1, Contains("Proc-Type: 4,ENCRYPTED"));
    for (const auto& text : {pkcs8, pkcs1, test::with_crlf(pkcs1)})
        check_refused_both_ways(text, "has a passphrase; write one without it: openssl rsa -in key.pem -out");
}

TEST_CASE("what is given in place of a private key is named", "[crypto]")
{
    const std::string request = test::request_pem(first_key());
    check_refused_both_ways(request,
        "a certificate signing request was given in place of the private key; the key is "
        "the file that -keyout named");
    const std::string certificate = openssl(
        {"req", "-x509", "-batch", "-subj", "/CN=x", "-key", "in", "-out", "out"}, pem_of(first_key()));
    check_refused_both_ways(certificate, "a certificate was given in place of the private key");
    const auto public_key = first_key().public_key().to_pem();
    REQUIRE(public_key);
    check_refused_both_ways(*public_key, "a public key was given in place of the private key");
    check_refused_both_ways(
        "-----BEGIN X-----\nAAAA\n-----END X-----\n", "a PEM block of an unknown kind was given");
    check_refused_both_ways(R"( {"broker":{}})", "a pool token was given in place of the private key");
}

TEST_CASE("a key that is not RSA is refused with the remedy", "[crypto]")
{
    const std::vector<std::string> curve{
        "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "out"};
    std::vector<std::string> arguments{"genpkey"};
    arguments.insert(arguments.end(), curve.begin(), curve.end());
    check_refused_both_ways(openssl(arguments),
        "the key is of type EC, but a pool needs an RSA key; make one with: "
        "openssl req -new -newkey rsa:4096");
    const std::string sec1 = openssl({"ecparam", "-name", "prime256v1", "-genkey", "-out", "out"});
    REQUIRE_THAT(sec1, StartsWith("-----BEGIN EC PARAMETERS-----"));
    check_refused_both_ways(sec1, "a private key that is not RSA (EC, DSA or OpenSSH)");
    check_refused_both_ways(
        openssl({"genpkey", "-algorithm", "ED25519", "-out", "out"}), "the key is of type ED25519");
}

TEST_CASE("an RSA key of 1024 bits is refused", "[crypto]")
{
    check_refused_both_ways(openssl({"genrsa", "-out", "out", "1024"}),
        "the RSA key has 1024 bits, too few: at least 2048 are needed; make one with");
    CHECK(PrivateKey::generate(2047).error().code() == Errc::invalid_input);
    CHECK(PrivateKey::generate(8193).error().code() == Errc::invalid_input);
}

TEST_CASE("a private key that was cut is refused wherever it was cut", "[crypto]")
{
    const std::string pem = pem_of(first_key());
    const auto body_at = pem.find('\n') + 1;
    check_refused(PrivateKey::from_pem(pem.substr(0, body_at + 300)),
        "incomplete PEM: the line -----END PRIVATE KEY----- is missing");
    check_refused(
        PrivateKey::from_pem(pem.substr(0, 20)), "malformed PEM: its begin line does not end in -----");
    check_refused(PrivateKey::from_pem(pem.substr(body_at)), "not a private key in PEM: there is no line");
    std::string line_lost = pem;
    line_lost.erase(body_at + 65 * 3, 65);
    check_refused(PrivateKey::from_pem(line_lost), "reading the private key: it is damaged or incomplete");
    check_refused(PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"),
        "the PEM block is empty");
    for (const auto* text : {"", " \n"}) {
        CHECK_FALSE(PrivateKey::from_pem(text));
        CHECK_FALSE(PrivateKey::from_base64_pem(text));
    }
    std::string base64 = base64_encode(pem);
    base64.resize(base64.size() / 2);
    check_refused(
        PrivateKey::from_base64_pem(base64), "incomplete PEM: the line -----END PRIVATE KEY----- is missing");
}

TEST_CASE("a private key with a changed digit is refused", "[crypto]")
{
    const std::string der = openssl(
        {"rsa", "-traditional", "-outform", "DER", "-in", "in", "-out", "out"}, pem_of(first_key()));
    // A digit of the modulus (PKCS#1, RFC 8017 A.1.2): the other numbers are redundant, and OpenSSL gets
    // along without any one of them.
    std::string damaged = der;
    damaged[100] = static_cast<char>(damaged[100] ^ 0x10);
    check_refused(PrivateKey::from_pem("-----BEGIN RSA PRIVATE KEY-----\n" + base64_encode(damaged)
                      + "\n-----END RSA PRIVATE KEY-----\n"),
        "the private key is damaged: its numbers do not fit together; copy it again");
}

TEST_CASE("a private key with a changed digit in any of its numbers signs well or is refused", "[crypto]")
{
    const std::string der = openssl(
        {"rsa", "-traditional", "-outform", "DER", "-in", "in", "-out", "out"}, pem_of(first_key()));
    int refused = 0;
    for (std::size_t at = 40; at < der.size(); at += 97) { // each number is longer
        INFO(at);
        std::string damaged = der;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x04);
        const auto key = PrivateKey::from_pem("-----BEGIN RSA PRIVATE KEY-----\n" + base64_encode(damaged)
            + "\n-----END RSA PRIVATE KEY-----\n");
        refused += key ? 0 : 1;
        if (key)
            CHECK(first_key().public_key().verify("m", key->sign("m").value_or("")));
    }
    CHECK(refused >= 3); // the modulus' part
}

TEST_CASE("a private key of three primes is taken, and refused with a changed digit", "[crypto]")
{
    const std::string pem = openssl({"genrsa", "-traditional", "-primes", "3", "-out", "out", "2048"}, "");
    const auto key = PrivateKey::from_pem(pem);
    REQUIRE(key);
    CHECK(key->public_key().verify("m", key->sign("m").value_or("")));
    std::string der = openssl({"rsa", "-traditional", "-outform", "DER", "-in", "in", "-out", "out"}, pem);
    der[100] = static_cast<char>(der[100] ^ 0x10);
    check_refused(PrivateKey::from_pem("-----BEGIN RSA PRIVATE KEY-----\n" + base64_encode(der)
                      + "\n-----END RSA PRIVATE KEY-----\n"),
        "the private key is damaged");
}

TEST_CASE("text that is not base64 is refused with the wrong byte's position", "[crypto]")
{
    std::string text = base64_encode(pem_of(first_key()));
    text[41] = '!';
    check_refused(PrivateKey::from_base64_pem(text), "not valid base64: wrong byte at position 42");
}

TEST_CASE("a text longer than any key is refused unread", "[crypto]")
{
    CHECK(PrivateKey::from_pem(std::string(64 * 1024 + 1, ' ')).error().code() == Errc::exhausted);
    CHECK(PrivateKey::from_base64_pem(std::string(128 * 1024 + 1, 'A')).error().code() == Errc::exhausted);
}

TEST_CASE("a refusal does not repeat the key", "[crypto]")
{
    std::string pem = pem_of(first_key());
    const std::string line = pem.substr(pem.find('\n') + 1, 64);
    pem[pem.find('\n') + 200] = '*';
    const auto key = PrivateKey::from_pem(pem);
    REQUIRE_FALSE(key);
    CHECK_THAT(key.error().message(), !Contains(line.substr(0, 16)));
}

} // namespace slipway::crypto
