#include "common/json.h"
#include "launcher/vela/worker_api.h"

#include <sys/utsname.h>

#include <charconv>

namespace slipway::vela {

namespace {

/// As Go calls it, since readers compare it with its names.
std::string architecture()
{
    utsname system{};
    if (uname(&system) != 0)
        return {};
    const std::string_view machine{system.machine};
    if (machine == "x86_64")
        return "amd64";
    if (machine == "aarch64")
        return "arm64";
    return std::string{machine};
}

/// The number at the front of `text`, which is taken from there with the dot behind it.
std::int64_t take_number(std::string_view& text)
{
    std::int64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || number < 0)
        return 0;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with('.'))
        text.remove_prefix(1);
    return number;
}

} // namespace

std::string version_json(std::string_view version)
{
    if (version.starts_with('v'))
        version.remove_prefix(1);
    JsonWriter json;
    json.begin_object().field("canonical", "v" + std::string{version});
    auto rest = version;
    for (const std::string_view part : {"major", "minor", "patch"})
        json.field(part, take_number(rest));
    if (rest.starts_with('-') && rest.size() > 1)
        json.field("pre_release", rest.substr(1, rest.find('+') - 1));
    json.key("metadata").begin_object();
    if (const auto name = architecture(); !name.empty())
        json.field("architecture", name);
#ifdef __clang__
    json.field("compiler", "clang");
#else
    json.field("compiler", "gcc");
#endif
    json.field("operating_system", "linux").end_object().end_object();
    return json.take();
}

} // namespace slipway::vela
