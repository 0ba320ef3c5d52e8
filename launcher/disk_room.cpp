#include "launcher/disk_room.h"

#include <sys/statvfs.h>

#include <cerrno>

namespace slipway::launcher {

Result<std::optional<std::string>> disk_shortage(const std::filesystem::path& path, const LeastFree& least)
{
    struct statvfs info { };

    if (::statvfs(path.c_str(), &info) != 0)
        return Error::from_errno("looking at the disk of " + path.string(), errno);
    const auto free = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    if (free < least.bytes)
        return std::optional{"too little free disk space: " + std::to_string(free / 1'000'000) + " MB"};
    if (info.f_files != 0 && info.f_favail < least.inodes)
        return std::optional{"too few free inodes: " + std::to_string(info.f_favail)};
    return std::optional<std::string>{};
}

} // namespace slipway::launcher
