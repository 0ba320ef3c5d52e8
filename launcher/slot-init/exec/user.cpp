#include "launcher/slot-init/exec/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace slipway::slot {

namespace {

/// Digits only and in the range of a uid that setresuid(2) does not misread.
bool parse_id(const char* text, std::uint32_t& id)
{
    std::uint64_t value = 0;
    for (const char* at = text; *at != '\0'; ++at) {
        if (*at < '0' || *at > '9' || value > INT32_MAX)
            return false;
        value = value * 10 + static_cast<std::uint64_t>(*at - '0');
    }
    id = static_cast<std::uint32_t>(value);
    return *text != '\0' && value <= INT32_MAX;
}

/// Calls `line(fields)` with up to 7 colon-separated fields, missing ones empty; over-long lines are skipped.
/// What is no file, or is not over after 4 MiB, has been put there by a job and is read as empty or cut.
template <class Line> void each_line(const char* path, Line line)
{
    static char buffer[64 * 1024];
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    struct stat info { };

    const bool is_file = fd >= 0 && ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    std::size_t used = 0;
    std::size_t total = 0;
    bool skipping = false;
    for (bool more = is_file; more;) {
        const ssize_t count = ::read(fd, buffer + used, sizeof buffer - 1 - used);
        total += count > 0 ? static_cast<std::size_t>(count) : 0;
        more = count > 0 && total < 4 * 1024 * 1024;
        used += count > 0 ? static_cast<std::size_t>(count) : 0;
        if (!more && used > 0)
            buffer[used++] = '\n';
        char* begin = buffer;
        while (char* end
            = static_cast<char*>(std::memchr(begin, '\n', static_cast<std::size_t>(buffer + used - begin)))) {
            *end = '\0';
            static char empty[1] = "";
            char* fields[7] = {begin, empty, empty, empty, empty, empty, empty};
            for (std::size_t i = 1; i < 7; ++i) {
                char* colon = std::strchr(fields[i - 1], ':');
                if (colon == nullptr)
                    break;
                *colon = '\0';
                fields[i] = colon + 1;
            }
            if (!skipping)
                line(fields);
            skipping = false;
            begin = end + 1;
        }
        used = static_cast<std::size_t>(buffer + used - begin);
        if (used == sizeof buffer - 1) {
            skipping = true;
            used = 0;
        }
        std::memmove(buffer, begin, used);
    }
    if (fd >= 0)
        ::close(fd);
}

bool lists(const char* members, const char* name)
{
    const std::size_t size = std::strlen(name);
    for (const char* at = members; at != nullptr; at = std::strchr(at, ',')) {
        at += *at == ',' ? 1 : 0;
        if (std::strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0'))
            return true;
    }
    return false;
}

void add_group(Identity& identity, std::uint32_t gid)
{
    constexpr std::size_t kMost = sizeof identity.groups / sizeof identity.groups[0];
    for (std::size_t i = 0; i < identity.group_count; ++i)
        if (identity.groups[i] == gid)
            return;
    if (identity.group_count < kMost)
        identity.groups[identity.group_count++] = gid;
}

bool resolve_group(const char* group, const char* name, int fd, Identity& identity)
{
    std::uint32_t number = 0;
    const bool numeric = group != nullptr && parse_id(group, number);
    bool found = false;
    each_line("/etc/group", [&](char** field) {
        std::uint32_t gid = 0;
        if (!parse_id(field[2], gid))
            return;
        if (group != nullptr && !found && (std::strcmp(field[0], group) == 0 || (numeric && gid == number))) {
            found = true;
            identity.gid = gid;
        }
        if (group == nullptr && name[0] != '\0' && lists(field[3], name))
            add_group(identity, gid);
    });
    if (group == nullptr || found)
        return true;
    identity.gid = number;
    if (!numeric)
        complain(fd, "no such group in the image's /etc/group", group, 0);
    return numeric;
}

} // namespace

bool resolve_user(const char* text, int fd, Identity& identity)
{
    char user[256] = "";
    const char* group = std::strchr(text, ':');
    const std::size_t size = group != nullptr ? static_cast<std::size_t>(group - text) : std::strlen(text);
    if (size >= sizeof user) {
        complain(fd, "the user's name is too long", nullptr, 0);
        return false;
    }
    std::memcpy(user, text, size);
    group = group != nullptr && group[1] != '\0' ? group + 1 : nullptr;
    std::uint32_t number = 0;
    const bool numeric = user[0] == '\0' || parse_id(user, number);
    bool found = false;
    each_line("/etc/passwd", [&](char** field) {
        std::uint32_t uid = 0;
        std::uint32_t gid = 0;
        if (found || !parse_id(field[2], uid) || !parse_id(field[3], gid)
            || !(std::strcmp(field[0], user) == 0 || (numeric && uid == number))
            || std::strlen(field[0]) >= sizeof user)
            return;
        found = true;
        identity.uid = uid;
        identity.gid = gid;
        std::memcpy(user, field[0], std::strlen(field[0]) + 1);
        if (field[5][0] == '/' && std::strlen(field[5]) < sizeof identity.home)
            std::memcpy(identity.home, field[5], std::strlen(field[5]) + 1);
    });
    if (!found && !numeric) {
        complain(fd, "no such user in the image's /etc/passwd", user, 0);
        return false;
    }
    if (!found)
        identity.uid = number;
    if (!resolve_group(group, found ? user : "", fd, identity))
        return false;
    add_group(identity, identity.gid);
    return true;
}

bool become(const Identity& identity, int fd)
{
    if (::setgroups(identity.group_count, identity.groups) == 0
        && ::setresgid(identity.gid, identity.gid, identity.gid) == 0
        && ::setresuid(identity.uid, identity.uid, identity.uid) == 0)
        return true;
    complain(fd, "cannot become the user", nullptr, errno);
    return false;
}

} // namespace slipway::slot
