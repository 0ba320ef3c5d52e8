#include "common/base64.h"
#include "crypto/csr.h"
#include "test/unit/crypto/material.h"

#include <catch2/catch.hpp>

namespace slipway::crypto {

using Catch::Matchers::Contains;
using test::first_key;
using test::openssl;
using test::pem_of;
using test::request_pem;

namespace {

void check_refused(std::string_view text, const std::string& words, Errc code = Errc::invalid_input)
{
    INFO(words);
    const auto csr = Csr::from_text(text);
    REQUIRE_FALSE(csr);
    CHECK(csr.error().code() == code);
    CHECK_THAT(csr.error().message(), Contains(words));
}

std::string request_of_der(std::string_view der)
{
    return "-----BEGIN CERTIFICATE REQUEST-----\n" + base64_encode(der)
        + "\n-----END CERTIFICATE REQUEST-----\n";
}

std::string der_of(const std::string& request)
{
    return openssl({"req", "-in", "in", "-outform", "DER", "-out", "out"}, request);
}

} // namespace

TEST_CASE("a request is read from PEM and from base64", "[crypto]")
{
    const std::string pem = request_pem(first_key());
    for (const auto& text : {pem, test::with_crlf(pem), base64_encode(pem), test::wrapped_base64(pem),
             "openssl wrote this:\n" + pem + " \r\n"}) {
        const auto csr = Csr::from_text(text);
        REQUIRE(csr);
        CHECK(csr->fingerprint() == first_key().fingerprint());
        CHECK(csr->public_key().fingerprint() == first_key().fingerprint());
    }
}

TEST_CASE("a request with an empty subject is taken", "[crypto]")
{
    const auto csr = Csr::from_text(request_pem(first_key(), "/"));
    REQUIRE(csr);
    CHECK(csr->fingerprint() == first_key().fingerprint());
}

TEST_CASE("a request that its own key has not signed is rejected", "[crypto]")
{
    // The victim's request, with a signature of somebody else in the place of its own.
    const std::string der = der_of(request_pem(first_key()));
    const std::string foreign = der_of(request_pem(test::second_key()));
    REQUIRE(der.size() == foreign.size());
    const std::string forged = der.substr(0, der.size() - 256) + foreign.substr(foreign.size() - 256);
    check_refused(request_of_der(forged), "the certificate signing request is not signed by its own key",
        Errc::rejected);
    std::string other_name = der;
    other_name[other_name.find("pool")] = 'P';
    check_refused(request_of_der(other_name), "is not signed by its own key", Errc::rejected);
}

TEST_CASE("what is given in place of a request is named", "[crypto]")
{
    const std::string pem = pem_of(first_key());
    const std::string words = "a private key was given in place of the certificate signing request; keep it "
                              "to yourself: the request is the "
                              "file that -out named";
    check_refused(pem, words);
    check_refused(base64_encode(pem), words);
    check_refused(pem + request_pem(first_key()), words);
    const std::string encrypted
        = openssl({"pkcs8", "-topk8", "-passout", "pass:word", "-in", "in", "-out", "out"}, pem);
    check_refused(encrypted, "a private key with a passphrase was given");
    const std::string certificate
        = openssl({"req", "-x509", "-batch", "-subj", "/CN=x", "-key", "in", "-out", "out"}, pem);
    check_refused(certificate, "a certificate was given in place of the certificate signing request");
    check_refused(base64_encode("{}"), "a pool token was given in place of the certificate signing request");
    check_refused("hello?", "neither PEM nor base64 of it; make one with: openssl req -new");
    check_refused("", "make one with: openssl req -new");
    check_refused(base64_encode("hello"), "not a certificate signing request in PEM");
}

TEST_CASE("a request is refused when something follows it or is missing", "[crypto]")
{
    const std::string pem = request_pem(first_key());
    const std::string der = der_of(pem);
    check_refused(pem + "x", "something follows the end of the certificate signing request");
    check_refused(pem + pem, "something follows the end of the certificate signing request");
    check_refused(
        request_of_der(der + '\0'), "bytes follow the certificate signing request inside its PEM block");
    check_refused(request_of_der(der.substr(0, der.size() - 1)), "damaged or incomplete");
    check_refused(pem.substr(0, 400), "incomplete PEM");
    check_refused("", "empty");
    check_refused("a!", "not valid base64: wrong byte at position 2");
    check_refused(std::string(kMaxCsrSize + 1, 'A'), "larger than the limit", Errc::exhausted);
}

TEST_CASE("a request for a key that is not RSA or too short is refused", "[crypto]")
{
    const std::string ec
        = openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "out"});
    check_refused(openssl({"req", "-new", "-batch", "-subj", "/CN=x", "-key", "in", "-out", "out"}, ec),
        "the key is of type EC, but a pool needs an RSA key");
    const std::string weak = openssl({"genrsa", "-out", "out", "1024"});
    check_refused(openssl({"req", "-new", "-batch", "-subj", "/CN=x", "-key", "in", "-out", "out"}, weak),
        "the RSA key has 1024 bits, too few");
}

} // namespace slipway::crypto
