#include "docker-client/stdcopy.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

struct Outcome {
    std::string output;
    bool failed = false;
    bool whole = false;
};

Outcome read(std::string_view bytes, std::size_t piece)
{
    using namespace slipway::docker;
    Outcome outcome;
    StdcopyReader reader{[&outcome](Stream stream, std::string_view payload) -> slipway::Result<void> {
        for (const char c : payload) {
            outcome.output += stream == Stream::out ? 'o' : 'e';
            outcome.output += c;
        }
        return {};
    }};
    for (std::size_t at = 0; at < bytes.size() && !outcome.failed; at += piece)
        outcome.failed = !reader.feed(bytes.substr(at, piece));
    outcome.whole = !outcome.failed && reader.finish();
    return outcome;
}

} // namespace

/// The output does not depend on how the bytes were split.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 1)
        return 0;
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    const Outcome split = read(bytes, 1U + data[0] % 16U);
    const Outcome at_once = read(bytes, size);
    if (split.output != at_once.output || split.failed != at_once.failed || split.whole != at_once.whole)
        std::abort();
    return 0;
}
