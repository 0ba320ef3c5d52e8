#include "launcher/blob_transfer.h"

#include "common/file.h"
#include "common/http/retry.h"
#include "launcher/backoff.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

namespace slipway::launcher {

namespace {

/// Calls until the backend has answered, or once.
Result<StageAnswer> until_answered(
    JobContext& context, Away away, const std::function<Result<StageAnswer>()>& call, std::stop_token stop)
{
    Backoff backoff{context.services.clock, context.services.random};
    for (;;) {
        auto answer = call();
        if (answer && answer->kind == StageAnswer::Kind::gone) {
            SLIPWAY_TRY(context.stage.apply(protocol::worker::Refused{}));
            return Error{Errc::cancelled, "the grant of the stage is not the newest any more"};
        }
        // A session that is over is renewed by the poll thread.
        if (answer || away == Away::give_up
            || (!http::is_retryable(answer.error()) && answer.error().code() != Errc::rejected))
            return answer;
        context.logger.warn("a blob call is repeated", answer.error());
        if (backoff.wait(stop) == Clock::Slept::stopped)
            return Error{Errc::cancelled, "stopped while the backend was away"};
    }
}

} // namespace

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

crypto::EnvelopeContext envelope_context(const protocol::Assignment& assignment, const std::string& maker,
    protocol::Fence fence, std::string_view object)
{
    return {.pool = assignment.pool_id,
        .run = assignment.run_id,
        .stage = maker,
        .fence = static_cast<std::uint64_t>(fence.to_integer()),
        .object = std::string{object}};
}

Result<UniqueFd> nameless_file(const JobContext& context, std::string_view name)
{
    const auto path = context.stage.entry().directory() / (std::string{name} + ".part");
    UniqueFd fd = SLIPWAY_TRY(open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW));
    SLIPWAY_TRY(remove_tree(path));
    return fd;
}

namespace {

/// One attempt; what an earlier one left is dropped.
Result<StageAnswer> download(JobContext& context, std::string_view name, int fd, std::stop_token stop)
{
    if (::ftruncate(fd, 0) != 0 || ::lseek(fd, 0, SEEK_SET) != 0)
        return Error::from_errno("writing a blob", errno);
    return context.services.backend.download_blob(
        context.stage.ref(), name, [&](std::string_view bytes) { return write_all(fd, bytes); },
        std::move(stop));
}

} // namespace

Result<UniqueFd> download_blob(JobContext& context, std::string_view name, std::stop_token stop)
{
    if (auto ahead = context.fetched.extract(std::string{name}))
        return std::move(ahead.mapped());
    UniqueFd fd = SLIPWAY_TRY(nameless_file(context, "download"));
    SLIPWAY_TRY(until_answered(
        context, Away::try_again, [&] { return download(context, name, fd.get(), stop); }, stop));
    return fd;
}

Result<void> fetch_ahead(JobContext& context, const std::vector<std::string>& names, std::stop_token stop)
{
    for (const auto& name : names) {
        UniqueFd fd = SLIPWAY_TRY(nameless_file(context, "ahead"));
        const auto answer = SLIPWAY_TRY(download(context, name, fd.get(), stop));
        if (answer.kind != StageAnswer::Kind::ok)
            return Error{Errc::not_found, "the control plane does not give " + name + " yet"};
        context.fetched.insert_or_assign(name, std::move(fd));
    }
    return {};
}

Result<void> upload_blob(JobContext& context, std::string_view name, int fd, std::stop_token stop, Away away)
{
    struct stat info { };

    if (::fstat(fd, &info) != 0)
        return Error::from_errno("looking at the envelope", errno);
    const auto size = static_cast<std::uint64_t>(info.st_size);
    const auto call
        = [&] { return context.services.backend.upload_blob(context.stage.ref(), name, fd, size, stop); };
    SLIPWAY_TRY(in("uploading the " + std::string{name} + " (" + std::to_string(size) + " bytes)",
        until_answered(context, away, call, stop)));
    return {};
}

} // namespace slipway::launcher
