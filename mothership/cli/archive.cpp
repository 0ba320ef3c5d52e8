#include "mothership/cli/archive.h"

#include "common/c_ptr.h"
#include "common/file.h"
#include "mothership/cli/table.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace slipway::cli {

namespace {

using Archive = CPtr<::archive, &::archive_write_free>;
using Entry = CPtr<::archive_entry, &::archive_entry_free>;

Error archive_failure(::archive* archive, const std::string& action)
{
    const char* text = ::archive_error_string(archive);
    return {Errc::internal, action + ": " + (text == nullptr ? "libarchive failed" : text)};
}

Result<void> add_content(::archive* archive, const std::filesystem::path& path, std::int64_t size)
{
    const UniqueFd file = SLIPWAY_TRY(open_file(path, O_RDONLY | O_NOFOLLOW));
    std::array<char, 65536> buffer{};
    while (size > 0) {
        const auto want = static_cast<std::size_t>(std::min<std::int64_t>(size, buffer.size()));
        const ssize_t count = ::read(file.get(), buffer.data(), want);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return Error{Errc::conflict, path.string() + " changed while it was read: push again"};
        if (::archive_write_data(archive, buffer.data(), static_cast<std::size_t>(count)) < 0)
            return archive_failure(archive, "packing " + path.string());
        size -= count;
    }
    return {};
}

Result<std::string> target_of(const std::filesystem::path& link)
{
    std::error_code failure;
    const auto target = std::filesystem::read_symlink(link, failure);
    if (failure)
        return Error::from_errno("reading the link " + link.string(), failure.value());
    return target.string();
}

Result<void> add(::archive* archive, const std::filesystem::path& root, const std::filesystem::path& path)
{
    struct stat info { };

    if (::lstat(path.c_str(), &info) != 0)
        return Error::from_errno("reading " + path.string(), errno);
    const std::string name = path.lexically_relative(root).string();
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode) && !S_ISLNK(info.st_mode))
        return Error{
            Errc::invalid_input, name + " is no file, directory or link: it cannot be part of a stack"};
    const Entry entry{::archive_entry_new()};
    ::archive_entry_set_pathname(entry.get(), name.c_str());
    ::archive_entry_set_mode(entry.get(), info.st_mode);
    ::archive_entry_set_mtime(entry.get(), info.st_mtim.tv_sec, 0);
    ::archive_entry_set_size(entry.get(), S_ISREG(info.st_mode) ? info.st_size : 0);
    if (S_ISLNK(info.st_mode))
        ::archive_entry_set_symlink(entry.get(), SLIPWAY_TRY(target_of(path)).c_str());
    // A name that is no UTF-8, or none to this locale, is a warning, and written as the bytes that it is.
    if (::archive_write_header(archive, entry.get()) < ARCHIVE_WARN)
        return archive_failure(archive, "packing " + name);
    return S_ISREG(info.st_mode) ? add_content(archive, path, info.st_size) : Result<void>{};
}

/// Sorted, so that the same directory gives the same archive.
Result<std::vector<std::filesystem::path>> entries_below(const std::filesystem::path& directory)
{
    std::vector<std::filesystem::path> found;
    std::error_code failure;
    std::filesystem::recursive_directory_iterator it{directory, failure};
    for (; !failure && it != std::filesystem::recursive_directory_iterator{}; it.increment(failure)) {
        const std::string name = it->path().filename().string();
        if (name == ".git" || name == ".terraform") {
            it.disable_recursion_pending();
            continue;
        }
        found.push_back(it->path());
    }
    if (failure)
        return Error::from_errno("reading the directory " + directory.string(), failure.value());
    std::ranges::sort(found);
    return found;
}

/// Before anything is packed, since packing and sending it would take minutes.
Result<void> check_size(const std::vector<std::filesystem::path>& entries, std::uint64_t max_size)
{
    std::uint64_t size = 0;
    for (const auto& path : entries) {
        struct stat info { };

        if (::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode))
            size += static_cast<std::uint64_t>(info.st_size);
    }
    if (size > max_size)
        return Error{Errc::exhausted,
            "the directory has " + format_size(size) + " in files; sources have at most "
                + format_size(max_size) + ": leave out what commands can make or fetch"};
    return {};
}

} // namespace

Result<std::uint64_t> pack_directory(
    const std::filesystem::path& directory, const std::filesystem::path& target, std::uint64_t max_size)
{
    const auto entries = SLIPWAY_TRY(entries_below(directory));
    SLIPWAY_TRY(check_size(entries, max_size));
    const Archive archive{::archive_write_new()};
    ::archive_write_set_format_pax_restricted(archive.get());
    if (::archive_write_open_filename(archive.get(), target.c_str()) != ARCHIVE_OK)
        return archive_failure(archive.get(), "writing " + target.string());
    for (const auto& path : entries)
        SLIPWAY_TRY(add(archive.get(), directory, path));
    if (::archive_write_close(archive.get()) != ARCHIVE_OK)
        return archive_failure(archive.get(), "writing " + target.string());
    return std::uint64_t{entries.size()};
}

} // namespace slipway::cli
