#include "launcher/control_request.h"

#include "common/json.h"
#include "common/ulid.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

constexpr std::size_t kDepth = 2;

/// "ORG/REPO/NUMBER" of a Vela server.
bool is_build_name(std::string_view text)
{
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/";
    return text.size() <= 512 && std::ranges::count(text, '/') >= 2
        && text.find_first_not_of(allowed) == std::string_view::npos;
}

} // namespace

Result<ControlRequest> read_control_request(std::string_view line)
{
    const auto document
        = SLIPWAY_TRY(JsonDocument::parse(line, {.max_bytes = kMaxControlRequest, .max_depth = kDepth}));
    for (const auto& [name, value] : SLIPWAY_TRY(document.root().members()))
        if (name != "do" && name != "exit" && name != "job")
            return Error{Errc::invalid_input, "this launcher does not know \"" + name + "\" in a request"};
    const auto what = SLIPWAY_TRY(document.root().string("do"));
    const bool exit = SLIPWAY_TRY(document.root().boolean_or("exit", false)) == JsonValue::Boolean::yes;
    const auto job = SLIPWAY_TRY(document.root().string_or("job", ""));
    if (!exit && what == "stop" && (is_ulid(job) || is_build_name(job)))
        return ControlRequest{ControlRequest::Do::stop, job};
    if (what == "stop" || !job.empty())
        return Error{Errc::invalid_input, "a stop names the id of a job: slipway-launcher status shows them"};
    if (what == "drain")
        return ControlRequest{exit ? ControlRequest::Do::leave : ControlRequest::Do::drain};
    if (!exit && what == "status")
        return ControlRequest{ControlRequest::Do::status};
    if (!exit && what == "undrain")
        return ControlRequest{ControlRequest::Do::undrain};
    return Error{Errc::invalid_input, "this launcher does not know the request \"" + what + "\""};
}

std::string to_json(const ControlRequest& request)
{
    JsonWriter json;
    json.begin_object();
    switch (request.what) {
    case ControlRequest::Do::status:
        json.field("do", "status");
        break;
    case ControlRequest::Do::drain:
        json.field("do", "drain");
        break;
    case ControlRequest::Do::leave:
        json.field("do", "drain").flag("exit", true);
        break;
    case ControlRequest::Do::undrain:
        json.field("do", "undrain");
        break;
    case ControlRequest::Do::stop:
        json.field("do", "stop").field("job", request.job);
        break;
    }
    return json.end_object().take() + "\n";
}

} // namespace slipway::launcher
