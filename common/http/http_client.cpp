#include "common/http/http_client.h"

#include "common/ascii.h"
#include "common/c_ptr.h"
#include "common/http/curl_setup.h"
#include "common/http/http_client_exchange.h"
#include "common/http/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace slipway::http {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

using MultiHandle = CPtr<CURLM, &curl_multi_cleanup>;

/// Keeps the sum of now and any timeout within the clock's range.
constexpr std::chrono::hours kLongestTimeout{24 * 365};
constexpr long kBufferSize = 64 * 1024;
constexpr long kKeptConnections = 4;
/// A body up to this size goes out with its headers, in one record of TLS: the server wakes once for both.
constexpr std::size_t kJoined = 12UL * 1024;

/// The header lines of a request. May hold credentials, so they are wiped.
class HeaderLines {
public:
    HeaderLines() = default;
    HeaderLines(const HeaderLines&) = delete;
    HeaderLines& operator=(const HeaderLines&) = delete;

    ~HeaderLines()
    {
        for (auto* line = lines_; line != nullptr; line = line->next)
            wipe(line->data, std::strlen(line->data));
        curl_slist_free_all(lines_);
    }

    Result<void> add(std::string_view name, std::string_view value)
    {
        // "Name;" is curl's way to write a header without a value.
        std::string line = std::string{name} + (value.empty() ? ";" : ": ") + std::string{value};
        auto result = append(line);
        wipe(line);
        return result;
    }

    /// A line in curl's own notation.
    Result<void> append(const std::string& line)
    {
        auto* const longer = curl_slist_append(lines_, line.c_str());
        if (longer == nullptr)
            return Error{Errc::exhausted, "out of memory"};
        lines_ = longer;
        return {};
    }

    [[nodiscard]] curl_slist* get() const noexcept { return lines_; }

private:
    curl_slist* lines_ = nullptr;
};

} // namespace

struct HttpClient::Impl {
    ClientOptions options;
    MultiHandle multi;
    EasyHandle easy;

    Result<ClientResponse> send(
        const ClientRequest& request, const std::string& url, const std::stop_token& stop);
};

namespace {

/// One exchange: what libcurl calls back into, and what decides when to stop.
class Transfer {
public:
    Transfer(const ClientOptions& options, const ClientRequest& request, CURL* easy)
        : options_{options}
        , request_{request}
        , easy_{easy}
        , exchange_{request, options.max_header_bytes}
    {
    }

    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    Result<void> prepare(const std::string& url)
    {
        for (const auto& [name, value] : request_.headers)
            SLIPWAY_TRY(headers_.add(name, value));
        SLIPWAY_TRY(headers_.append("Expect:")); // costs a second with servers that do not know it
        if (joined_body() != nullptr && !has_header("Content-Type"))
            SLIPWAY_TRY(headers_.append("Content-Type:")); // curl's would be that of a form

        curl_easy_reset(easy_);
        OptionSetter set{easy_};
        set_fixed(set);
        set(CURLOPT_URL, url.c_str());
        set(CURLOPT_HTTPHEADER, headers_.get());
        set_body(set);
        set_callbacks(set);
        if (options_.tls)
            set_tls(set, *options_.tls);
        return set.result();
    }

    Result<ClientResponse> run(CURLM* multi, const std::stop_token& stop)
    {
        if (curl_multi_add_handle(multi, easy_) != CURLM_OK)
            return Error{Errc::internal, "libcurl does not take the request"};
        auto driven = drive(multi, stop);
        curl_multi_remove_handle(multi, easy_); // closes the connection of an unfinished transfer
        SLIPWAY_TRY(std::move(driven));
        return std::move(exchange_.response());
    }

private:
    void set_fixed(OptionSetter& set)
    {
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_QUICK_EXIT, 1L); // a stop must not wait for a name lookup that hangs
        set(CURLOPT_PROTOCOLS_STR, options_.tls ? "http,https" : "http");
        set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
        set(CURLOPT_FOLLOWLOCATION, 0L);
        set(CURLOPT_PATH_AS_IS, 1L);
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        set(CURLOPT_TCP_KEEPALIVE, 1L);
        set(CURLOPT_BUFFERSIZE, kBufferSize);
        set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
        set(CURLOPT_USERAGENT, options_.user_agent.c_str());
        set(CURLOPT_ERRORBUFFER, error_text_.data());
        if (!options_.unix_socket.empty())
            set(CURLOPT_UNIX_SOCKET_PATH, options_.unix_socket.c_str());
        if (options_.direct || !options_.unix_socket.empty())
            set(CURLOPT_PROXY, "");
    }

    [[nodiscard]] bool has_header(std::string_view wanted) const
    {
        return std::ranges::any_of(
            request_.headers, [&](const auto& pair) { return equal_ignoring_case(pair.first, wanted); });
    }

    /// The body, if it goes out with the headers.
    [[nodiscard]] const std::string* joined_body() const
    {
        const auto* text = std::get_if<std::string>(&request_.body);
        const bool small = text != nullptr && !text->empty() && text->size() <= kJoined;
        return small && request_.method != "HEAD" ? text : nullptr;
    }

    void set_body(OptionSetter& set)
    {
        const bool has_body = !std::holds_alternative<std::monostate>(request_.body);
        if (request_.method == "HEAD") {
            set(CURLOPT_NOBODY, 1L);
        } else if (const auto* text = joined_body()) {
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(text->size()));
            set(CURLOPT_POSTFIELDS, text->data());
        } else if (has_body || request_.method == "POST" || request_.method == "PUT") {
            set(CURLOPT_UPLOAD, 1L);
            const auto length = exchange_.body_length();
            set(CURLOPT_INFILESIZE_LARGE, length ? static_cast<curl_off_t>(*length) : curl_off_t{-1});
        }
        set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    }

    void set_callbacks(OptionSetter& set)
    {
        set(CURLOPT_HEADERDATA, &exchange_);
        set(
            CURLOPT_HEADERFUNCTION, +[](char* bytes, std::size_t, std::size_t count, void* self) noexcept {
                const bool taken = static_cast<Exchange*>(self)->take_header({bytes, count});
                return taken ? count : std::size_t{CURL_WRITEFUNC_ERROR};
            });
        set(CURLOPT_WRITEDATA, &exchange_);
        set(
            CURLOPT_WRITEFUNCTION, +[](char* bytes, std::size_t, std::size_t count, void* self) noexcept {
                const bool taken = static_cast<Exchange*>(self)->take_body({bytes, count});
                return taken ? count : std::size_t{CURL_WRITEFUNC_ERROR};
            });
        set(CURLOPT_READDATA, &exchange_);
        set(
            CURLOPT_READFUNCTION, +[](char* buffer, std::size_t, std::size_t size, void* self) noexcept {
                const auto count = static_cast<Exchange*>(self)->give_body({buffer, size});
                return count ? *count : std::size_t{CURL_READFUNC_ABORT};
            });
        set(CURLOPT_SEEKDATA, &exchange_);
        set(
            CURLOPT_SEEKFUNCTION, +[](void* self, curl_off_t offset, int origin) noexcept {
                const bool done = origin == SEEK_SET && offset >= 0
                    && static_cast<Exchange*>(self)->rewind_body(static_cast<std::uint64_t>(offset));
                return done ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
            });
        set(CURLOPT_PREREQDATA, &exchange_);
        set(
            CURLOPT_PREREQFUNCTION, +[](void* self, char*, char*, int, int) noexcept {
                return static_cast<Exchange*>(self)->begin_request() ? CURL_PREREQFUNC_OK
                                                                     : CURL_PREREQFUNC_ABORT;
            });
    }

    Result<void> drive(CURLM* multi, const std::stop_token& stop)
    {
        const std::stop_callback wake{stop, [multi] { curl_multi_wakeup(multi); }};
        const auto deadline = Steady::now() + std::min<milliseconds>(request_.timeout, kLongestTimeout);
        exchange_.moved();
        for (;;) {
            if (stop.stop_requested())
                return Error{Errc::cancelled, "stopped"};
            int running = 0;
            if (const CURLMcode code = curl_multi_perform(multi, &running); code != CURLM_OK)
                return Error{Errc::internal, curl_multi_strerror(code)};
            if (exchange_.failure())
                return *exchange_.failure();
            if (running == 0)
                return outcome(multi);
            const milliseconds wait = SLIPWAY_TRY(time_left(deadline));
            curl_multi_poll(multi, nullptr, 0, static_cast<int>(wait.count()), nullptr);
        }
    }

    [[nodiscard]] Result<milliseconds> time_left(Steady::time_point deadline) const
    {
        constexpr milliseconds longest{60'000};
        const auto now = Steady::now();
        if (now >= deadline)
            return Error{Errc::timed_out,
                "no complete answer within " + std::to_string(request_.timeout.count()) + " ms"};
        auto left = deadline - now;
        if (request_.stall_timeout.count() > 0) {
            if (now >= exchange_.last_move() + request_.stall_timeout)
                return Error{Errc::timed_out,
                    "no byte moved for " + std::to_string(request_.stall_timeout.count()) + " ms"};
            left = std::min<Steady::duration>(left, exchange_.last_move() + request_.stall_timeout - now);
        }
        return std::min(std::chrono::ceil<milliseconds>(left), longest);
    }

    Result<void> outcome(CURLM* multi)
    {
        int queued = 0;
        const CURLMsg* const message = curl_multi_info_read(multi, &queued);
        if (message == nullptr)
            return Error{Errc::internal, "libcurl ended a transfer without a result"};
        const CURLcode code = message->data.result;
        if (code == CURLE_OK
            && !exchange_.head_done()) // libcurl takes the end of the connection for the end of the head
            return Error{Errc::unreachable, "the connection was closed within the response's headers"};
        if (code == CURLE_OK)
            return {};
        if (code == CURLE_COULDNT_CONNECT && !options_.unix_socket.empty())
            return unix_connect_error();
        const std::string_view text
            = error_text_.front() != '\0' ? error_text_.data() : curl_easy_strerror(code);
        return Error{code_of(code, text), std::string{text}};
    }

    [[nodiscard]] Error unix_connect_error() const
    {
        long error_number = 0;
        curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &error_number);
        Error error
            = Error::from_errno("connecting to " + options_.unix_socket, static_cast<int>(error_number));
        if (error.code() == Errc::not_found || error.code() == Errc::rejected)
            return error;
        return {Errc::unreachable, error.message()};
    }

    const ClientOptions& options_;
    const ClientRequest& request_;
    CURL* easy_;
    HeaderLines headers_;
    std::array<char, CURL_ERROR_SIZE> error_text_{};
    Exchange exchange_;
};

} // namespace

HttpClient::HttpClient(std::unique_ptr<Impl> impl)
    : impl_{std::move(impl)}
{
}

HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::create(ClientOptions options)
{
    SLIPWAY_TRY(check(options));
    SLIPWAY_TRY(start_curl());
    auto impl = std::make_unique<Impl>();
    impl->options = std::move(options);
    impl->multi.reset(curl_multi_init());
    impl->easy.reset(curl_easy_init());
    if (!impl->multi || !impl->easy)
        return Error{Errc::exhausted, "starting libcurl: out of memory"};
    curl_multi_setopt(impl->multi.get(), CURLMOPT_MAXCONNECTS, kKeptConnections);
    return HttpClient{std::move(impl)};
}

Result<ClientResponse> HttpClient::Impl::send(
    const ClientRequest& request, const std::string& url, const std::stop_token& stop)
{
    SLIPWAY_TRY(check(request));
    const Url parts = SLIPWAY_TRY(parse_url(url));
    if (parts.scheme == "https" && !options.tls)
        return Error{Errc::invalid_input, "https needs TLS options"};
    Transfer transfer{options, request, easy.get()};
    SLIPWAY_TRY(transfer.prepare(url));
    return transfer.run(multi.get(), stop);
}

Result<ClientResponse> HttpClient::send(const ClientRequest& request, std::stop_token stop)
{
    std::string url = request.url;
    if (url.starts_with('/')) {
        std::string_view base = impl_->options.base_url;
        base.remove_suffix(base.ends_with('/') ? 1 : 0);
        url.insert(0, base);
    }
    auto response = impl_->send(request, url, stop);
    if (response)
        return response;
    // A query may hold a token; the path tells enough.
    return std::move(response).error().in(request.method + ' ' + url.substr(0, url.find('?')));
}

} // namespace slipway::http
