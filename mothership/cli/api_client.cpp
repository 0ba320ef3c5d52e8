#include "mothership/cli/api_client.h"

#include <boost/asio/ssl.hpp>
#include <cpprest/filestream.h>
#include <cpprest/http_client.h>
#include <openssl/crypto.h>
#include <openssl/x509_vfy.h>

#include <atomic>
#include <exception>
#include <memory>

namespace slipway::cli {

namespace {

namespace net = web::http;

/// Why the server's certificate was refused: a code of X509_verify_cert_error_string; X509_V_OK until then.
using Verdict = std::shared_ptr<std::atomic<int>>;

int verify_and_record(X509_STORE_CTX* chain, void* verdict)
{
    const int good = X509_verify_cert(chain);
    const int code = X509_STORE_CTX_get_error(chain);
    // cpprestsdk's check of the name says no without a code.
    if (good != 1)
        *static_cast<std::atomic<int>*>(verdict)
            = code == X509_V_OK || code == X509_V_ERR_UNSPECIFIED ? X509_V_ERR_HOSTNAME_MISMATCH : code;
    return good;
}

net::client::http_client_config configuration(
    const Account& account, std::chrono::milliseconds timeout, const Verdict& verdict)
{
    net::client::http_client_config config;
    config.set_timeout(timeout);
    config.set_ssl_context_callback([ca = account.ca_pem, verdict](boost::asio::ssl::context& context) {
        context.set_options(boost::asio::ssl::context::default_workarounds
            | boost::asio::ssl::context::no_sslv2 | boost::asio::ssl::context::no_sslv3
            | boost::asio::ssl::context::no_tlsv1 | boost::asio::ssl::context::no_tlsv1_1);
        // cpprest has put the system's authorities into the context already: with an authority of its own,
        // they go.
        if (!ca.empty()) {
            X509_STORE* const own = X509_STORE_new();
            if (own == nullptr)
                throw std::bad_alloc{};
            SSL_CTX_set_cert_store(context.native_handle(), own);
            context.add_certificate_authority(boost::asio::buffer(ca));
        }
        context.set_verify_mode(boost::asio::ssl::verify_peer);
        SSL_CTX_set_cert_verify_callback(context.native_handle(), &verify_and_record, verdict.get());
    });
    return config;
}

Error refusal(int status, const std::string& body)
{
    std::string sentence = "the server answered " + std::to_string(status);
    if (const auto document = JsonDocument::parse(body)) {
        if (auto detail = document->root().string("detail"))
            sentence = *std::move(detail);
    }
    switch (status) {
    case 401:
        return {Errc::rejected, sentence + " (log in anew: slipway login --help)"};
    case 403:
        return {Errc::rejected, sentence};
    case 404:
        return {Errc::not_found, sentence};
    case 409:
        return {Errc::conflict, sentence};
    case 413:
        return {Errc::exhausted, sentence};
    default:
        return {status >= 500 ? Errc::unreachable : Errc::invalid_input, sentence};
    }
}

bool is_ipv6(const std::string& endpoint) { return endpoint.starts_with("https://["); }

} // namespace

struct ApiClient::Impl {
    Impl(const Account& account, std::chrono::milliseconds timeout)
        : endpoint{account.endpoint}
        , has_own_ca{!account.ca_pem.empty()}
        , api_key{account.api_key}
        , client{account.endpoint, configuration(account, timeout, verdict)}
    {
    }

    Result<Answer> exchange(net::http_request request)
    {
        *verdict = X509_V_OK;
        const bool changes = request.method() != net::methods::GET;
        request.headers().add("Authorization", "Bearer " + std::string{api_key.reveal()});
        try {
            net::http_response response = client.request(request).get();
            std::vector<unsigned char> bytes = response.extract_vector().get();
            std::string body{bytes.begin(), bytes.end()};
            if (response.status_code() < 200 || response.status_code() > 299)
                return refusal(response.status_code(), body);
            Answer answer{.body = std::move(body)};
            std::string text;
            if (response.headers().match("X-Slipway-Next-Offset", text))
                answer.next_offset = std::strtoull(text.c_str(), nullptr, 10);
            if (response.headers().match("X-Slipway-Complete", text))
                answer.complete = text == "true";
            return answer;
        } catch (const net::http_exception& failure) {
            if (failure.error_code() == std::errc::timed_out)
                return Error{Errc::timed_out,
                    endpoint + " did not answer in time"
                        + (changes ? "; whether it took effect is unknown: look with the list commands"
                                   : "")};
            return transport_failure(failure);
        } catch (const std::exception& failure) {
            return transport_failure(failure);
        }
    }

    /// The cause of a failed exchange in words that name what can be done.
    [[nodiscard]] Error transport_failure(const std::exception& failure) const
    {
        if (*verdict == X509_V_OK)
            return {Errc::unreachable, endpoint + " cannot be reached: " + failure.what()};
        return {Errc::rejected,
            endpoint + " is not trusted: " + X509_verify_cert_error_string(*verdict) + "; "
                + (has_own_ca ? "is the --ca given at login the ca.pem of this control plane?"
                              : "give its ca.pem: slipway login --ca ca.pem")};
    }

    std::string endpoint;
    bool has_own_ca;
    Verdict verdict = std::make_shared<std::atomic<int>>(X509_V_OK);
    Secret api_key;
    net::client::http_client client;
};

ApiClient::ApiClient(std::unique_ptr<Impl> impl)
    : impl_{std::move(impl)}
{
}

ApiClient::ApiClient(ApiClient&&) noexcept = default;
ApiClient& ApiClient::operator=(ApiClient&&) noexcept = default;
ApiClient::~ApiClient() = default;

Result<ApiClient> ApiClient::create(const Account& account, std::chrono::milliseconds timeout)
{
    if (!account.endpoint.starts_with("https://"))
        return Error{
            Errc::invalid_input, "the endpoint \"" + account.endpoint + "\" must start with https://"};
    if (is_ipv6(account.endpoint))
        return Error{Errc::invalid_input,
            "the endpoint \"" + account.endpoint + "\": an IPv6 address cannot be used here, a name can"};
    // cpprestsdk's threads outlive main: OpenSSL must not clean up under their feet.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
    try {
        return ApiClient{std::make_unique<Impl>(account, timeout)};
    } catch (const std::exception& failure) {
        return Error{Errc::invalid_input, "the endpoint \"" + account.endpoint + "\": " + failure.what()};
    }
}

Result<Answer> ApiClient::get(const std::string& path)
{
    net::http_request request{net::methods::GET};
    request.set_request_uri(path);
    return impl_->exchange(request);
}

Result<Answer> ApiClient::remove(const std::string& path)
{
    net::http_request request{net::methods::DEL};
    request.set_request_uri(path);
    return impl_->exchange(request);
}

Result<Answer> ApiClient::send(const std::string& method, const std::string& path, const std::string& json)
{
    net::http_request request{method};
    request.set_request_uri(path);
    request.set_body(json, "application/json");
    return impl_->exchange(request);
}

Result<Answer> ApiClient::put(const std::string& path, const std::string& bytes)
{
    net::http_request request{net::methods::PUT};
    request.set_request_uri(path);
    request.set_body(std::vector<unsigned char>{bytes.begin(), bytes.end()});
    return impl_->exchange(request);
}

Result<Answer> ApiClient::upload(const std::string& path, const std::filesystem::path& file,
    const std::function<void(std::uint64_t)>& progress)
{
    try {
        const std::uint64_t size = std::filesystem::file_size(file);
        auto stream = concurrency::streams::file_stream<std::uint8_t>::open_istream(file.string()).get();
        net::http_request request{net::methods::PUT};
        request.set_request_uri(path);
        request.set_body(stream, size, "application/x-tar");
        request.set_progress_handler(
            [&progress](net::message_direction::direction direction, utility::size64_t bytes) {
                if (direction == net::message_direction::upload)
                    progress(bytes);
            });
        auto answer = impl_->exchange(request);
        if (!answer && answer.error().code() == Errc::unreachable)
            return answer.error().in("the upload broke off");
        return answer;
    } catch (const std::exception& failure) {
        return Error{Errc::internal, "reading " + file.string() + ": " + failure.what()};
    }
}

} // namespace slipway::cli
