#include "mothership/blob_directory.h"

#include "common/file.h"
#include "common/ulid.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipway::mothership {

namespace {

/// A file without a record may be the only copy of what a lost record named.
constexpr std::chrono::hours kOrphanAge{7 * 24};

Error ours(const Error& error) { return {Errc::internal, error.message()}; }

Error ours(std::string_view action, int error_number)
{
    return ours(Error::from_errno(action, error_number));
}

Result<UniqueFd> open_here(const std::filesystem::path& path, int flags)
{
    auto fd = open_file(path, flags, 0600);
    if (!fd)
        return ours(fd.error());
    return fd;
}

std::filesystem::path unfinished(const std::filesystem::path& directory, const std::string& name)
{
    return directory / ("." + name + ".part");
}

bool is_unfinished(const std::string& name) { return name.starts_with('.') && name.ends_with(".part"); }

} // namespace

BlobWriter::BlobWriter(std::filesystem::path directory, std::string name, UniqueFd fd)
    : directory_{std::move(directory)}
    , name_{std::move(name)}
    , fd_{std::move(fd)}
{
}

BlobWriter::BlobWriter(BlobWriter&& other) noexcept
    : directory_{std::move(other.directory_)}
    , name_{std::move(other.name_)}
    , fd_{std::move(other.fd_)}
    , hash_{std::move(other.hash_)}
    , size_{other.size_}
{
}

BlobWriter::~BlobWriter()
{
    if (fd_)
        ::unlink(unfinished(directory_, name_).c_str());
}

Result<void> BlobWriter::write(std::string_view bytes)
{
    if (auto written = write_all(fd_.get(), bytes); !written)
        return ours(written.error().in("writing a blob"));
    hash_.update(bytes);
    size_ += bytes.size();
    return {};
}

Result<StoredFile> BlobWriter::commit()
{
    if (::fsync(fd_.get()) != 0)
        return ours("syncing a blob", errno);
    const UniqueFd directory = SLIPWAY_TRY(open_here(directory_, O_RDONLY | O_DIRECTORY));
    if (::rename(unfinished(directory_, name_).c_str(), (directory_ / name_).c_str()) != 0)
        return ours("naming a blob", errno);
    fd_.reset();
    if (::fsync(directory.get()) != 0) {
        const Error failure = ours("syncing the blob directory", errno);
        ::unlink((directory_ / name_).c_str());
        return failure;
    }
    return StoredFile{.name = name_, .size = size_, .sha256 = hash_.finish().hex()};
}

Result<BlobWriter> BlobDirectory::create() const
{
    std::string name = make_ulid(clock_, random_);
    UniqueFd fd = SLIPWAY_TRY(open_here(unfinished(directory_, name), O_WRONLY | O_CREAT | O_EXCL));
    return BlobWriter{directory_, std::move(name), std::move(fd)};
}

Result<http::FileBody> BlobDirectory::open(const std::string& name) const
{
    UniqueFd fd = SLIPWAY_TRY(open_here(directory_ / name, O_RDONLY));

    struct stat status { };

    if (::fstat(fd.get(), &status) != 0)
        return ours("looking at a blob", errno);
    return http::FileBody{
        .file = std::move(fd), .offset = 0, .length = static_cast<std::uint64_t>(status.st_size)};
}

Result<void> BlobDirectory::remove(const std::string& name) const
{
    if (::unlink((directory_ / name).c_str()) != 0 && errno != ENOENT)
        return ours("removing a blob", errno);
    return {};
}

Result<std::size_t> BlobDirectory::sweep(std::vector<std::string> known, Orphans orphans) const
{
    std::sort(known.begin(), known.end());
    const auto old = std::chrono::system_clock::to_time_t(clock_.wall() - kOrphanAge);
    const auto is_orphan = [&](const std::string& name) {
        struct stat status { };

        return orphans == Orphans::remove && !std::binary_search(known.begin(), known.end(), name)
            && ::stat((directory_ / name).c_str(), &status) == 0 && status.st_mtime < old;
    };
    std::error_code failure;
    std::vector<std::string> remains;
    for (std::filesystem::directory_iterator entry{directory_, failure}, end; !failure && entry != end;
         entry.increment(failure)) {
        std::string name = entry->path().filename();
        if (is_unfinished(name) || is_orphan(name))
            remains.push_back(std::move(name));
    }
    if (failure)
        return Error{Errc::internal, "listing " + directory_.string() + ": " + failure.message()};
    for (const auto& name : remains)
        SLIPWAY_TRY(remove(name));
    return remains.size();
}

} // namespace slipway::mothership
