#include "crypto/x509_builder.h"

#include "crypto/openssl_error.h"

#include <array>
#include <ctime>
#include <span>

namespace slipway::crypto {

X509Builder::X509Builder()
    : x509_{X509_new()}
{
    step(x509_ != nullptr && X509_set_version(x509_.get(), X509_VERSION_3) == 1, "making a certificate");
}

X509Builder& X509Builder::step(bool worked, std::string_view what)
{
    if (!worked && failed_.empty())
        failed_ = openssl_error(what).message();
    return *this;
}

X509* X509Builder::issuer_certificate() { return issuer_ != nullptr ? issuer_ : x509_.get(); }

X509Builder& X509Builder::serial(Random& random)
{
    if (!failed_.empty())
        return *this;
    std::array<std::byte, 16> bytes{};
    random.fill(bytes);
    const Bignum number{BN_bin2bn(
        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr)};
    return step(
        number != nullptr && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509_.get())) != nullptr,
        "setting the serial number");
}

X509Builder& X509Builder::validity(Time not_before, Time not_after)
{
    if (!failed_.empty())
        return *this;
    return step(
        ASN1_TIME_set(X509_getm_notBefore(x509_.get()), std::chrono::system_clock::to_time_t(not_before))
                != nullptr
            && ASN1_TIME_set(X509_getm_notAfter(x509_.get()), std::chrono::system_clock::to_time_t(not_after))
                != nullptr,
        "setting the validity");
}

X509Builder& X509Builder::subject(std::string_view common_name)
{
    if (!failed_.empty() || common_name.empty())
        return *this;
    return step(X509_NAME_add_entry_by_NID(X509_get_subject_name(x509_.get()), NID_commonName, MBSTRING_UTF8,
                    bytes_of(common_name), static_cast<int>(common_name.size()), -1, 0)
            == 1,
        "setting the name");
}

X509Builder& X509Builder::key(EVP_PKEY* subject_key)
{
    if (!failed_.empty())
        return *this;
    step(X509_set_pubkey(x509_.get(), subject_key) == 1, "setting the key");
    return extension(NID_subject_key_identifier, "hash");
}

X509Builder& X509Builder::issuer(X509* ca)
{
    if (!failed_.empty())
        return *this;
    issuer_ = ca;
    step(X509_set_issuer_name(x509_.get(), X509_get_subject_name(issuer_certificate())) == 1,
        "setting the issuer");
    return extension(NID_authority_key_identifier, "keyid");
}

X509Builder& X509Builder::extension(int nid, const char* value)
{
    if (!failed_.empty())
        return *this;
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer_certificate(), x509_.get(), nullptr, nullptr, 0);
    X509V3_set_ctx_nodb(&context);
    const X509Extension made{X509V3_EXT_conf_nid(nullptr, &context, nid, value)};
    return step(made != nullptr && X509_add_ext(x509_.get(), made.get(), -1) == 1, "adding an extension");
}

X509Builder& X509Builder::alternative_names(GENERAL_NAMES* names)
{
    if (!failed_.empty())
        return *this;
    return step(X509_add1_ext_i2d(x509_.get(), NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1,
        "adding the names");
}

Result<std::string> X509Builder::sign(EVP_PKEY* issuer_key)
{
    if (failed_.empty())
        step(X509_sign(x509_.get(), issuer_key, EVP_sha256()) > 0, "signing a certificate");
    if (!failed_.empty())
        return Error{Errc::internal, failed_};
    const int size = i2d_X509(x509_.get(), nullptr);
    if (size <= 0)
        return openssl_error("encoding a certificate");
    std::string der(static_cast<std::size_t>(size), '\0');
    unsigned char* out = bytes_of(der.data());
    i2d_X509(x509_.get(), &out);
    return der;
}

} // namespace slipway::crypto
