#include "common/http/problem.h"

#include "common/ascii.h"
#include "common/json.h"

#include <algorithm>

namespace slipway::http {

namespace {

constexpr std::size_t kMaxBody = 64 * 1024;

std::string_view words_of_status(int status) noexcept
{
    switch (status) {
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 422:
        return "Unprocessable Content";
    case 429:
        return "Too Many Requests";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 507:
        return "Insufficient Storage";
    default:
        return {};
    }
}

bool is_problem_type(std::string_view content_type) noexcept
{
    const std::string_view media_type = content_type.substr(0, content_type.find_first_of("; \t"));
    return equal_ignoring_case(media_type, kProblemContentType);
}

/// A member of the wrong type is as good as none: RFC 9457 section 3.1 says to ignore it.
std::string text_of(const JsonValue& object, std::string_view member)
{
    std::string text = object.string_or(member, "").value_or(std::string{});
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; },
        ' ');
    return text;
}

} // namespace

Error Problem::error() const
{
    std::string text = std::to_string(status);
    if (!title.empty())
        text += ' ' + title;
    if (!detail.empty())
        text += ": " + detail;
    return {code_of_status(status), std::move(text)};
}

Errc code_of_status(int status) noexcept
{
    switch (status) {
    case 401:
    case 403:
    case 410:
        return Errc::rejected;
    case 404:
        return Errc::not_found;
    case 408:
        return Errc::timed_out;
    case 409:
    case 412:
        return Errc::conflict;
    case 413:
    case 507:
        return Errc::exhausted;
    case 429:
        return Errc::unreachable;
    default:
        return status >= 500 ? Errc::unreachable : Errc::invalid_input;
    }
}

Problem decode_problem(int status, std::string_view content_type, std::string_view body)
{
    Problem problem;
    problem.status = status;
    problem.title = words_of_status(status);
    if (!is_problem_type(content_type))
        return problem;
    const auto document = JsonDocument::parse(body, {.max_bytes = kMaxBody, .max_depth = 16});
    if (!document)
        return problem;
    const JsonValue root = document->root();
    if (std::string type = text_of(root, "type"); !type.empty())
        problem.type = std::move(type);
    if (std::string title = text_of(root, "title"); !title.empty())
        problem.title = std::move(title);
    problem.detail = text_of(root, "detail");
    problem.instance = text_of(root, "instance");
    return problem;
}

std::string encode_problem(const Problem& problem)
{
    JsonWriter writer;
    writer.begin_object();
    if (!problem.type.empty() && problem.type != "about:blank")
        writer.field("type", problem.type);
    if (!problem.title.empty())
        writer.field("title", problem.title);
    if (problem.status != 0)
        writer.field("status", static_cast<std::int64_t>(problem.status));
    if (!problem.detail.empty())
        writer.field("detail", problem.detail);
    if (!problem.instance.empty())
        writer.field("instance", problem.instance);
    return writer.end_object().take();
}

} // namespace slipway::http
