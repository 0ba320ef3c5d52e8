#include "launcher/run_logs.h"

#include "common/json.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace slipway::launcher {

namespace {

/// A look at whether to stop, while nobody reads.
constexpr int kLookMs = 100;
/// After a stop.
constexpr int kLastLooks = 10;

} // namespace

RunLogs::RunLogs(int fd, const Clock& clock, Logger logger)
    : fd_{fd}
    , clock_{clock}
    , logger_{std::move(logger)}
    , thread_{[this](std::stop_token stop) { run(std::move(stop)); }}
{
}

RunLogs::~RunLogs() = default;

RunLogs::Took RunLogs::write(std::string_view run_id, std::string_view stack_id, std::string_view message)
{
    JsonWriter json;
    json.begin_object().field("ts", format_rfc3339(clock_.wall())).field("run_ulid", run_id);
    json.field("stack_id", stack_id).field("msg", message).end_object();
    bool first_drop = false;
    {
        const std::lock_guard lock{mutex_};
        if (!closed_ && queue_.size() + json.text().size() < kQueue) {
            queue_ += json.text();
            queue_ += '\n';
            filled_.notify_one();
            return Took::line;
        }
        first_drop = !std::exchange(told_, true);
    }
    if (first_drop)
        logger_.warn("lines of run logs on standard output are dropped, since nobody reads it, or not fast "
                     "enough; the "
                     "control plane gets them all");
    return Took::nothing;
}

void RunLogs::run(std::stop_token stop)
{
    std::string text;
    for (;;) {
        {
            std::unique_lock lock{mutex_};
            text.clear();
            if (!filled_.wait(lock, stop, [this] { return !queue_.empty(); }))
                return;
            text.swap(queue_);
        }
        if (!write_out(text, stop)) {
            const std::lock_guard lock{mutex_};
            closed_ = true;
            queue_.clear();
            return;
        }
    }
}

/// Returns false when nobody reads any more, or not within a second after a stop.
bool RunLogs::write_out(std::string_view text, std::stop_token stop)
{
    int looks = 0;
    while (!text.empty()) {
        pollfd writable{.fd = fd_, .events = POLLOUT, .revents = 0};
        const int ready = ::poll(&writable, 1, kLookMs);
        if (ready == 0 && (!stop.stop_requested() || ++looks < kLastLooks))
            continue;
        if (ready == 0)
            return false;
        // A pipe that is writable takes so much without waiting (pipe(7)).
        const ssize_t count
            = ready < 0 ? -1 : ::write(fd_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
        if (count < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }
    return true;
}

void RunLogCopy::take(std::uint64_t offset, std::string_view bytes)
{
    if (logs_ == nullptr)
        return;
    if (!begun_)
        next_ = offset; // what an earlier launcher had acknowledged, it had copied
    begun_ = true;
    const std::uint64_t known = next_ - std::min(next_, offset);
    if (known >= bytes.size())
        return;
    bytes.remove_prefix(static_cast<std::size_t>(known));
    next_ = offset + known + bytes.size();
    while (!bytes.empty()) {
        const std::size_t room = kLongestLine - begin_.size();
        const std::size_t end = bytes.substr(0, room + 1).find('\n');
        if (end == std::string_view::npos && bytes.size() <= room) {
            begin_ += bytes;
            return;
        }
        const std::size_t length = std::min(end, room);
        begin_ += bytes.substr(0, length);
        line(begin_);
        begin_.clear();
        bytes.remove_prefix(end == std::string_view::npos ? length : end + 1);
    }
}

void RunLogCopy::finish()
{
    if (logs_ != nullptr && !begin_.empty())
        line(begin_);
    begin_.clear();
}

void RunLogCopy::line(std::string_view text)
{
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    if (dropped_ != 0
        && logs_->write(run_id_, stack_id_,
               "[slipway] " + std::to_string(dropped_)
                   + " lines were dropped here, since standard output was not read fast enough")
            == RunLogs::Took::line)
        dropped_ = 0;
    if (dropped_ != 0 || logs_->write(run_id_, stack_id_, text) == RunLogs::Took::nothing)
        ++dropped_;
}

} // namespace slipway::launcher
