#include "common/http/problem.h"
#include "common/json.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

/// What was decoded survives encoding and decoding.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::http;
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const Problem problem = decode_problem(422, kProblemContentType, bytes);
    const std::string text = encode_problem(problem);
    const Problem again = decode_problem(422, kProblemContentType, text);
    const bool fits = text.size() <= 64 * 1024; // escapes may make it longer than what came in
    if (fits
        && (again.type != problem.type || again.title != problem.title || again.detail != problem.detail))
        std::abort();
    if (problem.error().message().find('\n') != std::string::npos)
        std::abort();
    return 0;
}
