#include "common/http/url.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

/// What was read can be written and read again as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::http;
    const auto url = parse_url({reinterpret_cast<const char*>(data), size});
    if (!url)
        return 0;
    const std::string text = url->origin() + url->path + (url->query.empty() ? "" : "?" + url->query);
    const auto again = parse_url(text);
    // The scheme's own path "/" may be one byte more than the longest text that is read.
    if (!again && text.size() <= 8192)
        std::abort();
    if (again && (again->origin() != url->origin() || again->path != url->path || again->query != url->query))
        std::abort();
    return 0;
}
