#include "launcher/slot-init/exec/child.h"
#include "launcher/slot-init/exec/request.h"
#include "launcher/slot-init/frames.h"
#include "launcher/slot-init/tar/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace slipway::slot {

namespace {

int exit_code(int error_number)
{
    return static_cast<int>(error_number == ENOSPC || error_number == EDQUOT ? kMoveNoRoom : kMoveFailed);
}

} // namespace

void move_files(bool is_put, const char* texts, std::size_t size, int data, int text)
{
    // Fixed numbers for what is kept; the link is not for a child that works as the job's user.
    const int kept[] = {::fcntl(data, F_DUPFD, 10), ::fcntl(text, F_DUPFD, 10)};
    if (::dup2(kept[0], 3) < 0 || ::dup2(kept[1], 4) < 0)
        ::_exit(1);
    ::close(0);
    ::close(1);
    if (::syscall(SYS_close_range, 5U, ~0U, 0U) != 0)
        for (int fd = 5; fd < 1024; ++fd)
            ::close(fd);
    sigset_t none;
    sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
    static Identity identity;
    const char* user = nullptr;
    const char* directory = nullptr;
    if (!parse_texts(texts, size, user, directory) || !resolve_user(user, 4, identity))
        ::_exit(1);
    if (is_put && !make_path(directory, &identity)) {
        const int error_number = errno;
        complain(4, "cannot make the directory", directory, error_number);
        ::_exit(exit_code(error_number));
    }
    if (!become(identity, 4))
        ::_exit(1);
    // O_NONBLOCK: it may be a fifo.
    const int root = ::open(directory, O_RDONLY | O_NONBLOCK | O_CLOEXEC | (is_put ? O_DIRECTORY : 0));

    struct stat info { };

    if (root < 0 || ::fstat(root, &info) != 0) {
        const int error_number = errno;
        complain(4, is_put ? "cannot open the directory" : "cannot be opened", directory, error_number);
        ::_exit(!is_put && error_number == ENOENT ? static_cast<int>(kMoveAbsent) : exit_code(error_number));
    }
    int error_number = 0;
    bool done = false;
    if (is_put)
        done = unpack_tar(3, root, 4, error_number);
    else if (S_ISREG(info.st_mode))
        done = pack_file(root, directory, 3, 4);
    else
        done = pack_tar(root, 3, 4);
    ::_exit(done ? 0 : exit_code(error_number));
}

} // namespace slipway::slot
