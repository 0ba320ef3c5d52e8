// The lock file of a stack's sources, which whoever wrote them decides on.
#include "launcher/provider_cache/lock_file.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace {

/// Whether nothing in it leads anywhere else.
bool stays(const std::filesystem::path& path, std::ptrdiff_t parts)
{
    return path.is_relative() && std::distance(path.begin(), path.end()) == parts
        && path.lexically_normal() == path && *path.begin() != "..";
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto read = slipway::launcher::parse_lock_file({reinterpret_cast<const char*>(data), size});
    if (!read)
        return 0;
    for (const auto& provider : *read) {
        if (!stays(provider.source, 3) || !stays(provider.version, 1))
            std::abort();
        for (const auto& hash : provider.hashes)
            if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string_view::npos)
                std::abort();
    }
    return 0;
}
