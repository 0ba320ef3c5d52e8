#pragma once

#include "common/http/reply.h"
#include "common/http/request.h"

#include <chrono>
#include <string>
#include <string_view>

namespace slipway::vela {

/// A JSON string as a body.
[[nodiscard]] http::Reply say(int status, std::string_view text);

/// {"error": "…"}
[[nodiscard]] http::Reply say_error(int status, std::string_view text);

/// Gives every reply the API's headers, refusals the form {"error": "…"}, and OPTIONS of any path its answer.
void finish_reply(
    const http::Request& request, http::Reply& reply, bool tls, std::chrono::system_clock::time_point now);

} // namespace slipway::vela
