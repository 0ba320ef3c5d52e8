#include "launcher/slot-init/exec/child.h"
#include "launcher/slot-init/exec/request.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>

namespace slipway::slot {

namespace {

const char* value_of(char* const* env, const char* name)
{
    const std::size_t size = std::strlen(name);
    for (; *env != nullptr; ++env)
        if (std::strncmp(*env, name, size) == 0 && (*env)[size] == '=')
            return *env + size + 1;
    return nullptr;
}

/// The exit code, after a complaint.
int fail_exec(const char* path, int error_number)
{
    if (error_number == ENOENT && ::access(path, F_OK) == 0)
        complain(2, "cannot execute, its interpreter or loader is missing in the image", path, 0);
    else
        complain(2, "cannot execute", path, error_number);
    return error_number == ENOENT || error_number == ENOTDIR ? 127 : 126;
}

int search_and_exec(char** argv, char** env)
{
    if (std::strchr(argv[0], '/') != nullptr) {
        ::execve(argv[0], argv, env);
        return fail_exec(argv[0], errno);
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
                return fail_exec(candidate, errno);
        }
        at += size;
        if (*at == '\0')
            break;
    }
    if (denied[0] != '\0')
        return fail_exec(denied, EACCES);
    complain(2, "command not found in PATH", argv[0], 0);
    return 127;
}

/// The code to exit with, after a complaint.
int try_to_execute(char* payload, std::size_t size, int output)
{
    static RunRequest request;
    if (!parse_run(payload, size, request)) {
        complain(output, "the launcher's words for the command cannot be read", nullptr, 0);
        return kNotPrepared;
    }
    (void)::setpgid(0, 0);
    const int null = ::open("/dev/null", O_RDONLY);
    if (::dup2(output, 1) < 0 || ::dup2(output, 2) < 0 || null < 0 || ::dup2(null, 0) < 0) {
        complain(output, "cannot open /dev/null in the image", nullptr, errno);
        return kNotPrepared;
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
        return kNotPrepared;
    const char* cwd = request.cwd[0] != '\0' ? request.cwd : "/";
    // Where it cannot be made it may still be there, behind a link that the user may follow.
    (void)make_path(cwd, &identity);
    if (!become(identity, 2) || ::chdir(cwd) != 0) {
        complain(2, "cannot enter the working directory", cwd, errno);
        return kNotPrepared;
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
    return search_and_exec(request.argv, request.env);
}

} // namespace

void execute(char* payload, std::size_t size, int output, bool& not_executed)
{
    const int code = try_to_execute(payload, size, output);
    not_executed = true;
    ::_exit(code);
}

} // namespace slipway::slot
