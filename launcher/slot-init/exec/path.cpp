#include "launcher/slot-init/exec/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace slipway::slot {

namespace {

/// Opens the directory `name` in `at`, which is closed; makes it when it is missing. -1 with errno.
int enter(int at, const char* name, bool& made)
{
    struct stat info { };

    made = ::mkdirat(at, name, 0755) == 0;
    int error_number = errno;
    // Whoever may write here may have put a link here, to have a directory of root's made where it leads.
    const bool roots_own
        = ::fstat(at, &info) == 0 && info.st_uid == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    // What was made is to be given away, and gVisor does that by no O_PATH.
    const int next = ::openat(
        at, name, (made ? O_RDONLY : O_PATH) | O_DIRECTORY | O_CLOEXEC | (roots_own ? 0 : O_NOFOLLOW));
    error_number = next < 0 && errno != ENOENT ? errno : error_number;
    ::close(at);
    errno = error_number;
    return next;
}

} // namespace

bool make_path(const char* path, const Identity* owner)
{
    if (path[0] != '/') {
        errno = EINVAL;
        return false;
    }
    int at = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool owned = true;
    for (path += std::strspn(path, "/"); at >= 0 && owned && *path != '\0'; path += std::strspn(path, "/")) {
        char part[256];
        const std::size_t size = std::strcspn(path, "/");
        if (size >= sizeof part) {
            ::close(at);
            errno = ENAMETOOLONG;
            return false;
        }
        std::memcpy(part, path, size);
        part[size] = '\0';
        bool made = false;
        at = enter(at, part, made);
        owned = !made || owner == nullptr || at < 0 || ::fchown(at, owner->uid, owner->gid) == 0;
        path += size;
    }
    const bool done = at >= 0 && owned;
    const int error_number = errno;
    ::close(at);
    errno = error_number;
    return done;
}

} // namespace slipway::slot
