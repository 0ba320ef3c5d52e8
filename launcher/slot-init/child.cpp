#include "launcher/slot-init/child.h"

#include "launcher/slot-init/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
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
template <class Line> void each_line(const char* path, Line line)
{
    static char buffer[64 * 1024];
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    std::size_t used = 0;
    bool skipping = false;
    for (bool more = fd >= 0; more;) {
        const ssize_t count = ::read(fd, buffer + used, sizeof buffer - 1 - used);
        more = count > 0;
        used += more ? static_cast<std::size_t>(count) : 0;
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
        if (group == nullptr && name[0] != '\0' && lists(field[3], name)
            && identity.group_count < sizeof identity.groups / sizeof identity.groups[0])
            identity.groups[identity.group_count++] = gid;
    });
    if (group == nullptr || found)
        return true;
    identity.gid = number;
    if (!numeric)
        complain(fd, "no such group in the image's /etc/group", group, 0);
    return numeric;
}

const char* value_of(char* const* env, const char* name)
{
    const std::size_t size = std::strlen(name);
    for (; *env != nullptr; ++env)
        if (std::strncmp(*env, name, size) == 0 && (*env)[size] == '=')
            return *env + size + 1;
    return nullptr;
}

[[noreturn]] void fail_exec(const char* path, int error_number)
{
    if (error_number == ENOENT && ::access(path, F_OK) == 0)
        complain(2, "cannot execute, its interpreter or loader is missing in the image", path, 0);
    else
        complain(2, "cannot execute", path, error_number);
    ::_exit(error_number == ENOENT || error_number == ENOTDIR ? 127 : 126);
}

[[noreturn]] void search_and_exec(char** argv, char** env)
{
    if (std::strchr(argv[0], '/') != nullptr) {
        ::execve(argv[0], argv, env);
        fail_exec(argv[0], errno);
    }
    const char* path = value_of(env, "PATH");
    path = path != nullptr ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char candidate[4096];
    static char denied[4096];
    const std::size_t name_size = std::strlen(argv[0]) + 1;
    for (const char* at = path; argv[0][0] != '\0'; ++at) {
        const std::size_t size = std::strcspn(at, ":");
        if (size + 2 + name_size <= sizeof candidate) {
            std::memcpy(candidate, size > 0 ? at : ".", size > 0 ? size : 1);
            const std::size_t end = size > 0 ? size : 1;
            candidate[end] = '/';
            std::memcpy(candidate + end + 1, argv[0], name_size);
            ::execve(candidate, argv, env);
            if (errno == EACCES)
                std::memcpy(denied, candidate, sizeof denied);
            else if ((errno != ENOENT && errno != ENOTDIR) || ::access(candidate, F_OK) == 0)
                fail_exec(candidate, errno);
        }
        at += size;
        if (*at == '\0')
            break;
    }
    if (denied[0] != '\0')
        fail_exec(denied, EACCES);
    complain(2, "command not found in PATH", argv[0], 0);
    ::_exit(127);
}

char* next_text(char*& at, char* end)
{
    char* text = at;
    char* nul
        = at < end ? static_cast<char*>(std::memchr(at, '\0', static_cast<std::size_t>(end - at))) : nullptr;
    at = nul != nullptr ? nul + 1 : end;
    return nul != nullptr ? text : nullptr;
}

} // namespace

void complain(int fd, const char* what, const char* subject, int error_number)
{
    const char* reason = error_number != 0 ? ::strerrordesc_np(error_number) : nullptr;
    const char* parts[] = {"slipway: ", subject != nullptr ? subject : "", subject != nullptr ? ": " : "",
        what, reason != nullptr ? ": " : "", reason != nullptr ? reason : "", "\n"};
    iovec pieces[sizeof parts / sizeof parts[0]];
    for (std::size_t i = 0; i < sizeof parts / sizeof parts[0]; ++i)
        pieces[i] = {const_cast<char*>(parts[i]), std::strlen(parts[i])};
    (void)!::writev(fd, pieces, sizeof parts / sizeof parts[0]);
}

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
    return resolve_group(group, found ? user : "", fd, identity);
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

bool make_path(const char* path, const Identity* owner)
{
    static char part[4096];
    const std::size_t size = std::strlen(path);
    if (path[0] != '/' || size >= sizeof part) {
        errno = path[0] != '/' ? EINVAL : ENAMETOOLONG;
        return false;
    }
    std::memcpy(part, path, size + 1);
    bool made = false;
    for (std::size_t i = 1; i <= size; ++i) {
        if ((part[i] != '/' && part[i] != '\0') || part[i - 1] == '/')
            continue;
        const char kept = part[i];
        part[i] = '\0';
        made = ::mkdir(part, 0755) == 0;
        if (!made && errno != EEXIST && errno != EROFS && errno != EACCES)
            return false;
        part[i] = kept;
    }
    return !made || owner == nullptr || ::lchown(path, owner->uid, owner->gid) == 0;
}

bool parse_texts(const char* payload, std::size_t size, const char*& first, const char*& second)
{
    char* at = const_cast<char*>(payload);
    char* const end = at + size;
    first = next_text(at, end);
    second = next_text(at, end);
    return first != nullptr && second != nullptr && at == end;
}

bool parse_run(char* payload, std::size_t size, RunRequest& request)
{
    RunFrame head{};
    if (size < sizeof head)
        return false;
    std::memcpy(&head, payload, sizeof head);
    if (head.flags != 0 || head.seq == 0 || head.argc == 0 || head.argc > RunRequest::kMaxTexts
        || head.envc > RunRequest::kMaxTexts)
        return false;
    char* at = payload + sizeof head;
    char* const end = payload + size;
    request.seq = head.seq;
    request.user = next_text(at, end);
    request.cwd = next_text(at, end);
    for (std::size_t i = 0; i < head.argc; ++i)
        if ((request.argv[i] = next_text(at, end)) == nullptr)
            return false;
    request.argv[head.argc] = nullptr;
    for (std::size_t i = 0; i < head.envc; ++i)
        if ((request.env[i] = next_text(at, end)) == nullptr)
            return false;
    request.env[head.envc] = nullptr;
    request.env_count = head.envc;
    return request.user != nullptr && request.cwd != nullptr && at == end;
}

void execute(RunRequest& request, int output)
{
    (void)::setpgid(0, 0);
    const int null = ::open("/dev/null", O_RDONLY);
    if (::dup2(output, 1) < 0 || ::dup2(output, 2) < 0 || null < 0 || ::dup2(null, 0) < 0) {
        complain(output, "cannot open /dev/null in the image", nullptr, errno);
        ::_exit(125);
    }
    if (null > 2)
        ::close(null);
    // A limit of 1 and not 0: a core pattern that is a pipe disregards 0, see core(5).
    const rlimit core{1, 1};
    (void)::setrlimit(RLIMIT_CORE, &core);
    if (const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); score >= 0) {
        (void)!::write(score, "500", 3);
        ::close(score);
    }
    static Identity identity;
    if (!resolve_user(request.user, 2, identity))
        ::_exit(125);
    const char* cwd = request.cwd[0] != '\0' ? request.cwd : "/";
    if (!make_path(cwd, nullptr) || !become(identity, 2) || ::chdir(cwd) != 0) {
        complain(2, "cannot enter the working directory", cwd, errno);
        ::_exit(125);
    }
    static char home[sizeof identity.home + 8] = "HOME=";
    if (value_of(request.env, "HOME") == nullptr) {
        std::memcpy(home + 5, identity.home, std::strlen(identity.home) + 1);
        request.env[request.env_count] = home;
        request.env[request.env_count + 1] = nullptr;
    }
    for (int number = 1; number < NSIG; ++number)
        (void)::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
    search_and_exec(request.argv, request.env);
}

} // namespace slipway::slot
