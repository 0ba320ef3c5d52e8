#include "launcher/pulled_images.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

/// What was read and is written reads as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::launcher;
    const auto images = parse_pulled_images({reinterpret_cast<const char*>(data), size});
    if (!images)
        return 0;
    const auto again = parse_pulled_images(write_pulled_images(*images));
    if (!again || *again != *images)
        std::abort();
    return 0;
}
