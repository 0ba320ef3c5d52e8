#include "launcher/registry/image_reference.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

/// What was read, written out whole, reads as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::launcher;
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    (void)is_image_id(bytes);
    const auto image = parse_image_reference(bytes);
    if (!image)
        return 0;
    const auto again = parse_image_reference(image->place() + (image->tag.empty() ? "" : ":" + image->tag)
        + (image->digest.empty() ? "" : "@" + image->digest));
    if (!again || again->place() != image->place() || again->tag != image->tag
        || again->digest != image->digest)
        std::abort();
    return 0;
}
