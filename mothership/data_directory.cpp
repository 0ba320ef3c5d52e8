#include "mothership/data_directory.h"

#include "common/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace slipway::mothership {

namespace {

constexpr std::chrono::milliseconds kLockPause{100};

std::string holder_of(const std::filesystem::path& lock)
{
    std::string pid = read_file(lock, 64).value_or(std::string{});
    while (!pid.empty() && pid.back() == '\n')
        pid.pop_back();
    return pid.empty() ? "another process" : "process " + pid;
}

} // namespace

Result<DirectoryLock> DirectoryLock::take(const DataDirectory& directory, const Clock& clock,
    const Logger& logger, std::chrono::milliseconds patience, std::stop_token stop)
{
    bool said = false;
    UniqueFd fd = SLIPWAY_TRY(open_file(directory.lock(), O_RDWR | O_CREAT, 0600));
    const auto deadline = clock.now() + patience;
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return Error::from_errno("locking " + directory.lock().string(), errno);
        if (clock.now() >= deadline)
            return Error{Errc::conflict,
                directory.root.string() + " is in use by " + holder_of(directory.lock())
                    + ": one control plane uses a data directory at a time. Stop that one first"};
        if (!std::exchange(said, true))
            logger.info("waiting for the data directory",
                {{"data_dir", directory.root.string()}, {"in_use_by", holder_of(directory.lock())},
                    {"at_most_s", std::to_string(patience / std::chrono::seconds{1})}});
        if (clock.sleep_for(kLockPause, stop) == Clock::Slept::stopped)
            return Error{Errc::cancelled, "stopped while waiting for the lock of " + directory.root.string()};
    }
    if (::ftruncate(fd.get(), 0) != 0)
        return Error::from_errno("writing " + directory.lock().string(), errno);
    SLIPWAY_TRY(write_all(fd.get(), std::to_string(::getpid()) + "\n"));
    return DirectoryLock{std::move(fd)};
}

} // namespace slipway::mothership
