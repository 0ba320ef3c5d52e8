#include "common/http/reply.h"

#include "common/json.h"

#include <utility>

namespace slipway::http {

namespace {

int status_of(Errc code) noexcept
{
    switch (code) {
    case Errc::invalid_input:
        return 400;
    case Errc::not_found:
        return 404;
    case Errc::conflict:
        return 409;
    case Errc::rejected:
        return 403;
    case Errc::unreachable:
        return 502;
    case Errc::timed_out:
        return 504;
    case Errc::cancelled:
        return 503;
    case Errc::exhausted:
        return 413;
    case Errc::internal:
        return 500;
    }
    return 500;
}

} // namespace

Reply Reply::with(std::string_view name, std::string_view value) &&
{
    headers.emplace_back(name, value);
    return std::move(*this);
}

Reply Reply::empty(int status) { return {status, {}, std::string{}}; }

Reply Reply::text(int status, std::string body)
{
    return bytes(status, "text/plain; charset=utf-8", std::move(body));
}

Reply Reply::json(int status, std::string json) { return bytes(status, "application/json", std::move(json)); }

Reply Reply::bytes(int status, std::string_view content_type, std::string body)
{
    Reply reply{status, {}, std::move(body)};
    reply.headers.emplace_back("Content-Type", content_type);
    return reply;
}

Reply Reply::file(int status, std::string_view content_type, FileBody file)
{
    Reply reply{status, {}, std::move(file)};
    reply.headers.emplace_back("Content-Type", content_type);
    return reply;
}

Reply Reply::park(
    std::vector<std::string> topics, std::chrono::milliseconds max_wait, std::chrono::milliseconds look_again)
{
    return {200, {}, Park{std::move(topics), max_wait, look_again}};
}

Reply Reply::problem(int status, std::string_view detail, std::string_view code)
{
    JsonWriter json;
    json.begin_object().field("title", reason_phrase(status)).field("status", std::int64_t{status});
    if (!detail.empty())
        json.field("detail", detail);
    if (!code.empty())
        json.field("code", code);
    json.end_object();
    return bytes(status, "application/problem+json", json.take());
}

Reply Reply::problem(const Error& error)
{
    const bool ours = error.code() == Errc::internal;
    return problem(status_of(error.code()), ours ? "the server failed; its log says why" : error.message(),
        to_string(error.code()));
}

std::string_view reason_phrase(int status) noexcept
{
    static constexpr std::pair<int, std::string_view> kPhrases[] = {{100, "Continue"}, {200, "OK"},
        {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {206, "Partial Content"},
        {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"}, {304, "Not Modified"},
        {307, "Temporary Redirect"}, {308, "Permanent Redirect"}, {400, "Bad Request"}, {401, "Unauthorized"},
        {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"}, {406, "Not Acceptable"},
        {408, "Request Timeout"}, {409, "Conflict"}, {410, "Gone"}, {411, "Length Required"},
        {412, "Precondition Failed"}, {413, "Content Too Large"}, {414, "URI Too Long"},
        {415, "Unsupported Media Type"}, {416, "Range Not Satisfiable"}, {417, "Expectation Failed"},
        {421, "Misdirected Request"}, {422, "Unprocessable Content"}, {426, "Upgrade Required"},
        {428, "Precondition Required"}, {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
        {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {507, "Insufficient Storage"}};
    for (const auto& [known, phrase] : kPhrases) {
        if (known == status)
            return phrase;
    }
    return "Unknown";
}

} // namespace slipway::http
