#pragma once

#include "common/c_ptr.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string_view>

namespace slipway::crypto {

using Asn1Integer = CPtr<ASN1_INTEGER, &ASN1_INTEGER_free>;
using Asn1OctetString = CPtr<ASN1_OCTET_STRING, &ASN1_OCTET_STRING_free>;
using Asn1Time = CPtr<ASN1_TIME, &ASN1_TIME_free>;
using Bignum = CPtr<BIGNUM, &BN_free>;
using Bio = CPtr<BIO, &BIO_free_all>;
using EvpCipher = CPtr<EVP_CIPHER, &EVP_CIPHER_free>;
using EvpCipherCtx = CPtr<EVP_CIPHER_CTX, &EVP_CIPHER_CTX_free>;
using EvpKdf = CPtr<EVP_KDF, &EVP_KDF_free>;
using EvpKdfCtx = CPtr<EVP_KDF_CTX, &EVP_KDF_CTX_free>;
using EvpMdCtx = CPtr<EVP_MD_CTX, &EVP_MD_CTX_free>;
using EvpPkey = CPtr<EVP_PKEY, &EVP_PKEY_free>;
using EvpPkeyCtx = CPtr<EVP_PKEY_CTX, &EVP_PKEY_CTX_free>;
using GeneralNames = CPtr<GENERAL_NAMES, &GENERAL_NAMES_free>;
using GeneralName = CPtr<GENERAL_NAME, &GENERAL_NAME_free>;
using X509Cert = CPtr<X509, &X509_free>;
using X509Extension = CPtr<X509_EXTENSION, &X509_EXTENSION_free>;
using X509Request = CPtr<X509_REQ, &X509_REQ_free>;

/// Text and bytes as OpenSSL's functions take them.
inline const unsigned char* bytes_of(std::string_view text) noexcept
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

inline unsigned char* bytes_of(char* data) noexcept { return reinterpret_cast<unsigned char*>(data); }

} // namespace slipway::crypto
