#include "common/file.h"

#include "common/secret.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace slipway {

Result<UniqueFd> open_file(const std::filesystem::path& path, int flags, mode_t mode)
{
    UniqueFd fd{::open(path.c_str(), flags | O_CLOEXEC, mode)};
    if (!fd)
        return Error::from_errno("opening " + path.string(), errno);
    return fd;
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_size)
{
    const UniqueFd fd = SLIPWAY_TRY(open_file(path, O_RDONLY));

    struct stat info { };

    if (::fstat(fd.get(), &info) != 0)
        return Error::from_errno("reading " + path.string(), errno);
    // One byte more than the file has, so that its end is seen without growing. Files of /proc have no size.
    const auto size = std::min(static_cast<std::size_t>(info.st_size), max_size);
    std::string content(size == 0 ? 4096 : size + 1, '\0');
    std::size_t used = 0;
    for (;;) {
        if (used == content.size()) {
            // The file may be a key: no copy of it stays in freed memory.
            std::string wider(2 * used, '\0');
            content.copy(wider.data(), used);
            wipe(content);
            content = std::move(wider);
        }
        const ssize_t count = ::read(fd.get(), content.data() + used, content.size() - used);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Error::from_errno("reading " + path.string(), errno);
        used += static_cast<std::size_t>(count);
        if (used > max_size)
            return Error{Errc::exhausted,
                path.string() + " is larger than the limit of " + std::to_string(max_size) + " bytes"};
        if (count == 0)
            break;
    }
    content.resize(used);
    return content;
}

Result<std::optional<std::string>> read_file_if_exists(
    const std::filesystem::path& path, std::size_t max_size)
{
    auto content = read_file(path, max_size);
    if (content)
        return std::optional{*std::move(content)};
    if (content.error().code() == Errc::not_found)
        return std::optional<std::string>{};
    return std::move(content).error();
}

Result<void> write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Error::from_errno("writing", errno);
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

namespace {

Result<void> sync_directory(const std::filesystem::path& directory)
{
    const UniqueFd fd = SLIPWAY_TRY(open_file(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY));
    if (::fsync(fd.get()) != 0)
        return Error::from_errno("syncing " + directory.string(), errno);
    return {};
}

} // namespace

Result<void> replace_file(
    const std::filesystem::path& path, std::string_view content, Durability durability, mode_t mode)
{
    std::filesystem::path beside = path;
    beside += ".new";
    {
        const UniqueFd fd = SLIPWAY_TRY(open_file(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
        if (::fchmod(fd.get(), mode) != 0)
            return Error::from_errno("setting the mode of " + beside.string(), errno);
        SLIPWAY_TRY(in("replacing " + path.string(), write_all(fd.get(), content)));
        if (durability == Durability::host && ::fsync(fd.get()) != 0)
            return Error::from_errno("syncing " + beside.string(), errno);
    }
    if (::rename(beside.c_str(), path.c_str()) != 0)
        return Error::from_errno("replacing " + path.string(), errno);
    if (durability == Durability::host)
        return sync_directory(path.parent_path());
    return {};
}

Result<void> make_directories(const std::filesystem::path& path, mode_t mode)
{
    if (path.empty() || ::mkdir(path.c_str(), mode) == 0)
        return {};
    const int failure = errno;

    struct stat info { };

    if (failure == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
        return {};
    if (failure != ENOENT || path.parent_path() == path)
        return Error::from_errno("creating the directory " + path.string(), failure);
    SLIPWAY_TRY(make_directories(path.parent_path(), mode));
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        return Error::from_errno("creating the directory " + path.string(), errno);
    return {};
}

Result<void> remove_tree(const std::filesystem::path& path)
{
    std::error_code code;
    std::filesystem::remove_all(path, code);
    if (code)
        return Error::from_errno("removing " + path.string(), code.value());
    return {};
}

} // namespace slipway
