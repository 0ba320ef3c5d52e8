#include "common/http/server_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

using namespace slipway::http;

namespace {

constexpr std::uint64_t kMostBody = 4096;

// The body of a whole request, or nothing; fed in pieces of `step`.
std::optional<std::string> body_of(std::string_view bytes, std::size_t step)
{
    RequestParser parser{2048, 20};
    parser.limit_body(kMostBody);
    std::string kept;
    while (!bytes.empty() && !parser.done()) {
        kept += bytes.substr(0, step);
        bytes.remove_prefix(std::min(step, bytes.size()));
        for (std::size_t used = 1; used > 0 && !parser.done();) {
            const auto fed = parser.feed(kept);
            if (!fed && parser.done())
                std::abort();
            if (!fed)
                return std::nullopt;
            used = *fed;
            if (used > kept.size())
                std::abort();
            kept.erase(0, used);
        }
    }
    if (!parser.done())
        return std::nullopt;
    auto body = parser.take_body();
    if (body.size() > kMostBody)
        std::abort();
    return body;
}

} // namespace

// A request that is understood when it arrives at once is understood the same when it arrives in pieces.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::size_t step = 1 + data[0] % 64U;
    const std::string_view bytes{reinterpret_cast<const char*>(data + 1), size - 1};
    const auto whole = body_of(bytes, std::max<std::size_t>(bytes.size(), 1));
    const auto pieces = body_of(bytes, step);
    if (whole && (!pieces || *pieces != *whole))
        std::abort();
    return 0;
}
