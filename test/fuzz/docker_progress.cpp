#include "docker-client/parse.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

std::string read(std::string_view bytes, std::size_t piece)
{
    using namespace slipway::docker;
    std::string seen;
    ProgressReader reader{[&seen](const PullProgress& line) -> slipway::Result<void> {
        seen += line.id + '\1' + line.status + '\2' + std::to_string(line.current.value_or(-1)) + '\3';
        return {};
    }};
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        if (const auto fed = reader.feed(bytes.substr(at, piece)); !fed)
            return seen + fed.error().message();
    }
    const auto end = reader.finish();
    return end ? seen : seen + end.error().message();
}

} // namespace

/// What is read does not depend on how the bytes were split.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 1)
        return 0;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    if (read(bytes, 1U + data[0] % 16U) != read(bytes, size))
        std::abort();
    return 0;
}
