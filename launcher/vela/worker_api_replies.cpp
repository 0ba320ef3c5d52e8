#include "launcher/vela/worker_api_replies.h"

#include "common/http/server_reply_head.h"
#include "common/json.h"

#include <algorithm>

namespace slipway::vela {

namespace {

constexpr std::string_view kJson = "application/json; charset=utf-8";

http::Reply json_reply(int status, JsonWriter json) { return http::Reply::bytes(status, kJson, json.take()); }

/// The words of a problem (RFC 9457), which the HTTP server answers on its own.
std::string words_of(const http::Reply& reply)
{
    const auto* body = std::get_if<std::string>(&reply.body);
    const auto document = JsonDocument::parse(body == nullptr ? std::string_view{} : std::string_view{*body});
    if (document) {
        const auto root = document->root();
        for (const std::string_view member : {"detail", "title"})
            if (auto words = root.string(member))
                return *std::move(words);
    }
    return std::string{http::reason_phrase(reply.status)};
}

bool is_problem(const http::Reply& reply)
{
    return std::ranges::any_of(reply.headers, [](const auto& header) {
        return http::same_header_name(header.first, "Content-Type")
            && header.second.starts_with("application/problem+json");
    });
}

/// What asks which methods a path answers, from a browser before a call or by hand, gets all of them.
http::Reply options_reply()
{
    return http::Reply::bytes(200, "application/json", "")
        .with("Access-Control-Allow-Methods", "GET,POST,PUT,PATCH,DELETE,OPTIONS")
        .with("Access-Control-Allow-Headers", "authorization, origin, content-type, accept")
        .with("Allow", "HEAD,GET,POST,PUT,PATCH,DELETE,OPTIONS");
}

} // namespace

http::Reply say(int status, std::string_view text)
{
    JsonWriter json;
    json.value(text);
    return json_reply(status, std::move(json));
}

http::Reply say_error(int status, std::string_view text)
{
    JsonWriter json;
    json.begin_object().field("error", text).end_object();
    return json_reply(status, std::move(json));
}

void finish_reply(
    const http::Request& request, http::Reply& reply, bool tls, std::chrono::system_clock::time_point now)
{
    if (request.method == "OPTIONS" && (reply.status == 404 || reply.status == 405)) {
        reply = options_reply();
    } else if (is_problem(reply)) {
        auto plain = say_error(reply.status, words_of(reply));
        for (auto& header : reply.headers)
            if (!http::same_header_name(header.first, "Content-Type"))
                plain.headers.push_back(std::move(header));
        reply = std::move(plain);
    }
    for (const auto& [name, value] : {std::pair{"Access-Control-Allow-Origin", "*"},
             std::pair{"Cache-Control", "no-cache, no-store, max-age=0, must-revalidate, value"},
             std::pair{"Expires", "Thu, 01 Jan 1970 00:00:00 GMT"},
             std::pair{"X-Content-Type-Options", "nosniff"}, std::pair{"X-Frame-Options", "DENY"},
             std::pair{"X-XSS-Protection", "1; mode=block"}})
        reply.headers.emplace_back(name, value);
    reply.headers.emplace_back("Last-Modified", http::format_http_date(now));
    if (tls)
        reply.headers.emplace_back("Strict-Transport-Security", "max-age=31536000");
}

} // namespace slipway::vela
