// The one file of an archive that comes out of a container.
#include "launcher/file_tar.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto content = slipway::launcher::only_file_of(bytes);
    if (content && (content->size() + 1536 > size || bytes.substr(512, content->size()) != *content))
        std::abort();
    std::string pieces;
    slipway::launcher::OnlyFile file{[&](std::string_view piece) -> slipway::Result<void> {
                                         pieces += piece;
                                         return {};
                                     },
        size};
    bool good = true;
    for (std::size_t at = 0; good && at < size; at += 100)
        good = static_cast<bool>(file.take(bytes.substr(at, 100)));
    const auto taken = file.finish();
    if (content && (!good || !taken || *taken != content->size() || pieces != *content))
        std::abort();
    return 0;
}
