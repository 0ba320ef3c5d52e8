#include "launcher/disk_use.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstdint>

namespace slipway::launcher {

Result<int> disk_used_percent(const std::filesystem::path& path)
{
    struct statvfs info { };

    if (::statvfs(path.c_str(), &info) != 0)
        return Error::from_errno("looking at the disk of " + path.string(), errno);
    const auto used = static_cast<std::uint64_t>(info.f_blocks - info.f_bfree);
    const auto all = used + static_cast<std::uint64_t>(info.f_bavail);
    return all == 0 ? 0 : static_cast<int>((used * 100 + all - 1) / all);
}

} // namespace slipway::launcher
