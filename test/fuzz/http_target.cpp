#include "common/http/router.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace slipway::http;

// Whatever parse_target accepts keeps its promises, and any router can be asked about it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const Router router = [] {
        Router made;
        const auto handler = [](const Request&) { return Reply::empty(204); };
        made.add("GET", "/", handler);
        made.add("GET", "/worker/v1/stages/{id}/logs", handler);
        made.add("POST", "/worker/{a}/{b}", handler);
        return made;
    }();
    const auto target = parse_target({reinterpret_cast<const char*>(data), size});
    if (!target)
        return 0;
    std::string joined;
    for (const auto& segment : target->segments) {
        joined.append("/").append(segment);
        if (segment == "." || segment == "..")
            std::abort();
    }
    for (const char c : target->path) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            std::abort();
    }
    if (joined != target->path)
        std::abort();
    static_cast<void>(router.find("GET", *target));
    return 0;
}
