#include "launcher/slot-init/exec/child.h"
#include "launcher/slot-init/exec/request.h"
#include "launcher/slot-init/tar/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace slipway::slot {

void move_files(bool is_put, const char* texts, std::size_t size, int data, int text)
{
    // Fixed numbers for what is kept; the link is not for a child that works as the job's user.
    const int kept[] = {::fcntl(data, F_DUPFD, 10), ::fcntl(text, F_DUPFD, 10)};
    if (::dup2(kept[0], 3) < 0 || ::dup2(kept[1], 4) < 0)
        ::_exit(1);
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
        complain(4, "cannot make the directory", directory, errno);
        ::_exit(1);
    }
    if (!become(identity, 4))
        ::_exit(1);
    const int root = ::open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        complain(4, "cannot open the directory", directory, errno);
        ::_exit(1);
    }
    ::_exit((is_put ? unpack_tar(3, root, 4) : pack_tar(root, 3, 4)) ? 0 : 1);
}

} // namespace slipway::slot
