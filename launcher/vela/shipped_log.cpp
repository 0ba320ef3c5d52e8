#include "launcher/vela/shipped_log.h"

#include "common/file.h"
#include "common/secret.h"

#include <algorithm>

namespace slipway::vela {

namespace {

constexpr std::size_t kPiece = 64 * 1024;
/// Beyond the largest log: what a value that is masked takes away is made up for.
constexpr std::uint64_t kSpare = 1024 * 1024;
constexpr std::chrono::milliseconds kFirstWait{500};
constexpr std::chrono::milliseconds kLongestWait{15'000};

bool is_away(const Error& error)
{
    return error.code() == Errc::unreachable || error.code() == Errc::timed_out;
}

} // namespace

ShippedLog::ShippedLog(launcher::Spool spool, std::filesystem::path directory, PutLog put, const Clock& clock,
    std::uint64_t max_size)
    : spool_{std::move(spool)}
    , directory_{std::move(directory)}
    , put_{std::move(put)}
    , clock_{clock}
    , max_size_{max_size}
    , mask_{.values = std::make_shared<MaskedValues>(), .version = 0}
{
}

ShippedLog::~ShippedLog()
{
    while (!values_.empty()) {
        auto node = values_.extract(values_.begin());
        wipe(node.value());
    }
}

Result<std::unique_ptr<ContainerLog>> ShippedLog::open(
    const std::filesystem::path& directory, PutLog put, const Clock& clock, std::uint64_t max_size)
{
    SLIPWAY_TRY(make_directories(directory));
    const std::uint64_t quota = max_size == 0 ? 0 : max_size + std::min(kSpare, UINT64_MAX - max_size);
    auto spool = SLIPWAY_TRY(launcher::Spool::open(directory, quota));
    return std::unique_ptr<ContainerLog>{
        new ShippedLog{std::move(spool), directory, std::move(put), clock, max_size}};
}

void ShippedLog::mask(const std::vector<std::string>& values)
{
    const std::lock_guard lock{mutex_};
    const auto before = values_.size();
    for (const auto& value : values)
        if (!value.empty())
            values_.insert(value);
    if (values_.size() == before)
        return;
    mask_.values
        = std::make_shared<MaskedValues>(std::vector<std::string_view>{values_.begin(), values_.end()});
    ++mask_.version;
}

ShippedLog::Mask ShippedLog::current() const
{
    const std::lock_guard lock{mutex_};
    return mask_;
}

bool ShippedLog::is_sent(std::uint64_t raw, std::uint64_t version) const
{
    if (!sent_)
        return raw == 0;
    return version == sent_->version && (sent_->full || raw == sent_->raw);
}

BootClock::time_point ShippedLog::due(std::uint64_t raw, std::uint64_t version) const
{
    if (!sent_)
        return {};
    const bool grown = raw >= sent_->raw + sent_->raw / 4;
    if (raw <= kSmall || grown || version != sent_->version)
        return sent_->at + kOften;
    return sent_->at + kSeldom * static_cast<std::int64_t>(1 + raw / kPerSeldom);
}

/// The first `raw` bytes of the spool as they may leave, from the first byte on: values that came late cover
/// what was there before, too. What is over the cap is cut after masking, so that no cut shows a part of a
/// secret, and the log says so.
Result<ShippedLog::Over> ShippedLog::fill(
    LogBody& body, std::uint64_t raw, const Mask& mask, bool complete) const
{
    const auto filter = make_log_mask(mask.values);
    std::string out;
    std::string piece;
    auto over = max_size_ != 0 && spool_.dropped() != 0 ? Over::yes : Over::no;
    const auto take = [&] {
        if (const auto room = max_size_ - std::min(max_size_, body.size());
            max_size_ != 0 && out.size() > room) {
            over = Over::yes;
            out.resize(static_cast<std::size_t>(room));
        }
        auto taken = body.append(out);
        out.clear();
        return taken;
    };
    bool more_wanted = true;
    for (std::uint64_t at = 0; at < raw && more_wanted; at += piece.size()) {
        SLIPWAY_TRY(
            spool_.read(at, static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, raw - at)), piece));
        filter->push(piece, out);
        SLIPWAY_TRY(take());
        more_wanted = over == Over::no || body.size() < max_size_;
    }
    // Where the rest was dropped, what is held back may be the begin of a secret.
    if (complete && more_wanted && spool_.dropped() == 0) {
        filter->finish(out);
        SLIPWAY_TRY(take());
    }
    if (over == Over::yes) {
        if (body.size() != 0 && body.last() != '\n')
            SLIPWAY_TRY(body.append("\n"));
        SLIPWAY_TRY(body.append("[the log is longer than " + std::to_string(max_size_)
            + " bytes, which is this worker's limit (VELA_EXECUTOR_MAX_LOG_SIZE); the rest is left out]\n"));
    }
    return over;
}

Result<void> ShippedLog::send(bool complete, const std::stop_token& stop)
{
    const auto mask = current();
    const auto raw = spool_.size();
    LogBody body{directory_};
    const bool full = SLIPWAY_TRY(fill(body, raw, mask, complete)) == Over::yes;
    // What was sent before is the beginning of what there is now, unless other values are masked.
    const bool known = sent_ && sent_->version == mask.version && sent_->bytes == body.size();
    Sent now{.raw = raw, .version = mask.version, .bytes = body.size(), .full = full, .at = clock_.now()};
    if (!known && (sent_ || body.size() != 0)) {
        auto whole = SLIPWAY_TRY(body.finish());
        SLIPWAY_TRY(put_(std::move(whole), stop));
        now.at = clock_.now();
    } else if (sent_) {
        now.at = sent_->at;
    }
    sent_ = now;
    return {};
}

Result<std::chrono::milliseconds> ShippedLog::ship(std::stop_token stop)
{
    const std::lock_guard lock{sending_};
    const auto version = current().version;
    const auto raw = spool_.size();
    if (is_sent(raw, version))
        return std::chrono::milliseconds{kOften};
    const auto now = clock_.now();
    if (const auto left = due(raw, version) - now; left > std::chrono::nanoseconds{0})
        return std::chrono::ceil<std::chrono::milliseconds>(left);
    SLIPWAY_TRY(send(false, stop));
    return std::chrono::milliseconds{kOften};
}

Result<void> ShippedLog::finish(std::stop_token stop)
{
    const std::lock_guard lock{sending_};
    auto wait = kFirstWait;
    for (;;) {
        auto sent = send(true, stop);
        if (sent || !is_away(sent.error()))
            return sent;
        if (clock_.sleep_for(wait, stop) == Clock::Slept::stopped)
            return sent;
        wait = std::min(2 * wait, kLongestWait);
    }
}

} // namespace slipway::vela
