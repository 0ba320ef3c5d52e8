#pragma once

#include "common/c_ptr.h"
#include "common/http/http_client.h"

#include <curl/curl.h>

#include <string>
#include <string_view>

/// What all users of libcurl here share. Private to them.
namespace slipway::http {

using EasyHandle = CPtr<CURL, &curl_easy_cleanup>;

inline Result<void> start_curl()
{
    static const CURLcode ready
        = curl_global_init(CURL_GLOBAL_DEFAULT); // once, and thread-safe as a local static
    if (ready != CURLE_OK)
        return Error{Errc::internal, std::string{"starting libcurl: "} + curl_easy_strerror(ready)};
    return {};
}

/// Sets options and remembers the first failure.
class OptionSetter {
public:
    explicit OptionSetter(CURL* easy)
        : easy_{easy}
    {
    }

    template <class T> void operator()(CURLoption option, T value)
    {
        if (code_ == CURLE_OK)
            code_ = curl_easy_setopt(easy_, option, value);
    }

    [[nodiscard]] Result<void> result() const
    {
        if (code_ != CURLE_OK)
            return Error{Errc::internal, std::string{"setting up libcurl: "} + curl_easy_strerror(code_)};
        return {};
    }

private:
    CURL* easy_;
    CURLcode code_ = CURLE_OK;
};

inline curl_blob blob_of(std::string_view bytes) noexcept
{
    return {const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_NOCOPY};
}

inline void set_tls(OptionSetter& set, const TlsOptions& tls)
{
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!tls.ca_pem.empty()) {
        const curl_blob ca = blob_of(tls.ca_pem);
        set(CURLOPT_CAINFO_BLOB, &ca);
        set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
        set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    if (!tls.client_certificate_pem.empty()) {
        const curl_blob certificate = blob_of(tls.client_certificate_pem);
        const curl_blob key = blob_of(tls.client_key.reveal());
        set(CURLOPT_SSLCERTTYPE, "PEM");
        set(CURLOPT_SSLCERT_BLOB, &certificate);
        set(CURLOPT_SSLKEYTYPE, "PEM");
        set(CURLOPT_SSLKEY_BLOB, &key);
    }
}

inline Errc code_of(CURLcode code, std::string_view text) noexcept
{
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return Errc::rejected;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        // How the other side refuses our certificate: a TLS alert, in TLS 1.3 only after the handshake.
        return text.find("SSL routines::") != std::string_view::npos
                && text.find("alert") != std::string_view::npos
            ? Errc::rejected
            : Errc::unreachable;
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return Errc::invalid_input;
    case CURLE_OUT_OF_MEMORY:
        return Errc::exhausted;
    default:
        return Errc::unreachable;
    }
}

} // namespace slipway::http
