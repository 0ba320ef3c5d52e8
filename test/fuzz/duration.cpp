// A duration that is read is written in a form that is read as the same.
#include "common/duration.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto duration = slipway::parse_duration({reinterpret_cast<const char*>(data), size});
    if (!duration)
        return 0;
    const auto again = slipway::parse_duration(slipway::format_duration(*duration));
    if (!again || *again != *duration)
        std::abort();
    return 0;
}
