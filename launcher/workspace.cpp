#include "launcher/workspace.h"

#include "common/base64.h"
#include "common/file.h"
#include "common/http/retry.h"
#include "common/secret.h"
#include "launcher/backoff.h"
#include "launcher/job_settings.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace slipway::launcher {

namespace {

constexpr std::size_t kBlock = 512;
/// Largest content of a mounted file.
constexpr std::size_t kMaxFile = 2 * 1024 * 1024;

struct TarHeader {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char rest[247];
};

static_assert(sizeof(TarHeader) == kBlock);

template <std::size_t N> void octal(char (&field)[N], std::uint64_t value)
{
    for (std::size_t i = N - 1; i-- > 0; value >>= 3U)
        field[i] = static_cast<char>('0' + (value & 7U));
}

Result<std::string> safe_path(const std::string& text)
{
    const std::filesystem::path path{text};
    const bool leaves = path.is_absolute()
        || std::any_of(path.begin(), path.end(), [](const auto& p) { return p == ".."; });
    std::string normal = path.lexically_normal().string();
    if (leaves || normal.empty() || normal == "." || normal.ends_with('/')
        || text.find('\0') != std::string::npos)
        return Error{Errc::invalid_input, "\"" + text + "\" is not a file within the workspace"};
    if (normal.size() >= sizeof(TarHeader::name))
        return Error{Errc::invalid_input, "\"" + text + "\" is longer than 99 bytes"};
    return normal;
}

void add_file(std::string& tar, const std::string& path, const TarFile& file)
{
    TarHeader header{};
    std::memcpy(header.name, path.data(), path.size());
    octal(header.mode, static_cast<std::uint64_t>(file.mode));
    octal(header.uid, 0);
    octal(header.gid, 0);
    octal(header.size, file.content.size());
    octal(header.mtime, 0);
    std::memset(header.checksum, ' ', sizeof(header.checksum));
    header.type = '0';
    std::memcpy(header.magic, "ustar", 6);
    std::memcpy(header.version, "00", 2);
    unsigned sum = 0;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(&header);
    for (std::size_t i = 0; i < sizeof(header); ++i)
        sum += bytes[i];
    char digits[7]{};
    octal(digits, sum);
    std::memcpy(header.checksum, digits, sizeof(digits));
    tar.append(reinterpret_cast<const char*>(&header), sizeof(header));
    tar.append(file.content);
    tar.append((kBlock - file.content.size() % kBlock) % kBlock, '\0');
}

/// The whole of a file.
Producer bytes_of(int fd)
{
    return [fd](const Sink& sink) -> Result<void> {
        std::string piece(64 * 1024, '\0');
        for (off_t offset = 0;;) {
            const ssize_t count = ::pread(fd, piece.data(), piece.size(), offset);
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                return Error::from_errno("reading a blob", errno);
            if (count == 0)
                return {};
            SLIPWAY_TRY(sink({piece.data(), static_cast<std::size_t>(count)}));
            offset += count;
        }
    };
}

crypto::EnvelopeContext context_of(
    const protocol::Assignment& a, const std::string& maker, protocol::Fence fence, std::string_view name)
{
    return {.pool = a.pool_id,
        .run = a.run_id,
        .stage = maker,
        .fence = static_cast<std::uint64_t>(fence.to_integer()),
        .object = std::string{name}};
}

/// Calls until the backend has answered.
Result<StageAnswer> until_answered(
    JobContext& context, const std::function<Result<StageAnswer>()>& call, std::stop_token stop)
{
    Backoff backoff{context.services.clock, context.services.random};
    for (;;) {
        auto answer = call();
        if (answer && answer->kind == StageAnswer::Kind::gone) {
            SLIPWAY_TRY(context.stage.apply(protocol::worker::Refused{}));
            return Error{Errc::cancelled, "the grant of the stage is not the newest any more"};
        }
        // A session that is over is renewed by the poll thread.
        if (answer || (!http::is_retryable(answer.error()) && answer.error().code() != Errc::rejected))
            return answer;
        context.logger.warn("a blob call is repeated", answer.error());
        if (backoff.wait(stop) == Clock::Slept::stopped)
            return Error{Errc::cancelled, "stopped while the backend was away"};
    }
}

} // namespace

Result<std::string> make_tar(const std::vector<TarFile>& files)
{
    std::string tar;
    for (const auto& file : files)
        add_file(tar, SLIPWAY_TRY(safe_path(file.path)), file);
    tar.append(2 * kBlock, '\0');
    return tar;
}

Result<void> Workspace::put(JobSlot& slot, std::stop_token stop)
{
    if (!context_.assignment.workspace_in.empty())
        SLIPWAY_TRY(in("taking over the workspace", put_workspace(slot, stop)));
    if (!context_.assignment.source_blob.empty())
        SLIPWAY_TRY(in("fetching the sources", put_source(slot, stop)));
    return in("putting the mounted files", put_files(slot, stop));
}

Result<UniqueFd> Workspace::download(std::string_view name, std::string_view file, std::stop_token stop)
{
    const auto path = context_.stage.entry().directory() / file;
    UniqueFd fd = SLIPWAY_TRY(open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW));
    // Without a name it goes with the descriptor, whatever happens.
    SLIPWAY_TRY(remove_tree(path));
    SLIPWAY_TRY(until_answered(
        context_,
        [&]() -> Result<StageAnswer> {
            if (::ftruncate(fd.get(), 0) != 0 || ::lseek(fd.get(), 0, SEEK_SET) != 0)
                return Error::from_errno("writing a blob", errno);
            return context_.services.backend.download_blob(
                context_.stage.ref(), name,
                [&](std::string_view bytes) { return write_all(fd.get(), bytes); }, stop);
        },
        stop));
    return fd;
}

Result<void> Workspace::put_source(JobSlot& slot, std::stop_token stop)
{
    const UniqueFd fd = SLIPWAY_TRY(download(context_.assignment.source_blob, "source.part", stop));
    return slot.put(kSource, bytes_of(fd.get()), stop);
}

Result<void> Workspace::put_workspace(JobSlot& slot, std::stop_token stop)
{
    const auto& a = context_.assignment;
    const UniqueFd fd = SLIPWAY_TRY(download(a.workspace_in, "workspace.part", stop));
    const auto envelope = context_of(a, a.workspace_maker, a.workspace_fence, a.workspace_in);
    return slot.put(
        kWorkspace, [&](const Sink& sink) { return context_.services.vault.open(envelope, fd.get(), sink); },
        stop);
}

Result<std::string> Workspace::content_of(const protocol::MountedFile& file) const
{
    if (!file.sealed)
        return base64_decode(file.content);
    const Secret plain = SLIPWAY_TRY(
        context_.services.vault.open_secret(context_.assignment.pool_id, file.path, file.content));
    return std::string{plain.reveal()};
}

Result<void> Workspace::put_files(JobSlot& slot, std::stop_token stop)
{
    std::vector<TarFile> files;
    for (const auto& file : context_.assignment.files) {
        std::string content = SLIPWAY_TRY(in(file.path, content_of(file)));
        if (content.size() > kMaxFile)
            return Error{Errc::invalid_input, file.path + " is larger than 2 MiB"};
        files.push_back({.path = file.path, .content = std::move(content), .mode = file.mode});
    }
    // An empty archive makes the directories, which the phases start in.
    auto tar = make_tar(files);
    for (auto& file : files)
        wipe(file.content);
    if (!tar)
        return std::move(tar).error();
    auto done = slot.put(
        kWorkspace, [&](const Sink& sink) { return sink(*tar); }, stop);
    wipe(*tar);
    return done;
}

Result<void> Workspace::upload(int fd, std::stop_token stop)
{
    struct stat info { };

    if (::fstat(fd, &info) != 0)
        return Error::from_errno("looking at the envelope", errno);
    const auto size = static_cast<std::uint64_t>(info.st_size);
    SLIPWAY_TRY(in("uploading the workspace (" + std::to_string(size) + " bytes)",
        until_answered(
            context_,
            [&] {
                return context_.services.backend.upload_blob(
                    context_.stage.ref(), kWorkspaceBlob, fd, size, stop);
            },
            stop)));
    return {};
}

Result<std::string> Workspace::keep(JobSlot& slot, std::stop_token stop)
{
    const auto& a = context_.assignment;
    const auto path = context_.stage.entry().directory() / "workspace.part";
    const UniqueFd fd = SLIPWAY_TRY(open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW));
    SLIPWAY_TRY(remove_tree(path));
    const auto fence = context_.stage.state().fence;
    auto sealer = SLIPWAY_TRY(
        context_.services.vault.seal(context_of(a, a.stage_id, fence, kWorkspaceBlob), fd.get()));
    const auto notes = SLIPWAY_TRY(in("reading the workspace",
        slot.get(
            kWorkspace, [&](std::string_view bytes) { return sealer.push(bytes); }, stop)));
    if (!notes.empty())
        SLIPWAY_TRY(context_.spool.append_once(line_id(LogLine::left_out), own_line(notes)));
    SLIPWAY_TRY(sealer.finish());
    context_.stage.entry().passed("sealed");
    SLIPWAY_TRY(upload(fd.get(), stop));
    context_.stage.entry().passed("uploaded");
    return std::string{kWorkspaceBlob};
}

} // namespace slipway::launcher
