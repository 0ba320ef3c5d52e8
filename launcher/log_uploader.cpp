#include "launcher/log_uploader.h"

#include <utility>

namespace slipway::launcher {

namespace {

using protocol::WorkerPhase;
namespace worker = protocol::worker;

/// The longest wait without a look at the state: a belt for a wake-up that nobody sent.
constexpr std::chrono::seconds kIdle{5};

} // namespace

LogUploader::LogUploader(UploadParts parts)
    : parts_{std::move(parts)}
    , log_{parts_.spool, parts_.filter}
    , backoff_{parts_.clock, parts_.random}
{
}

void LogUploader::complete()
{
    complete_ = true;
    parts_.spool.wake();
}

void LogUploader::announce(Begun phase)
{
    {
        const std::lock_guard lock{mutex_};
        phase_ = std::move(phase);
    }
    parts_.spool.wake();
}

/// One attempt a phase: what people see of it is not worth more, and the next report makes up for it.
void LogUploader::report_phase(std::stop_token stop)
{
    std::optional<Begun> phase;
    {
        const std::lock_guard lock{mutex_};
        phase.swap(phase_);
    }
    if (!phase)
        return;
    const auto sequence = parts_.stage.next_sequence();
    if (!sequence)
        return;
    const auto ref = parts_.stage.ref();
    const auto answer = parts_.backend.report(ref,
        {.fence = ref.fence,
            .sequence = *sequence,
            .event = protocol::StageEvent::phase,
            .phase = phase->name,
            .commit = phase->commit},
        std::move(stop));
    if (!answer && answer.error().code() == Errc::rejected)
        parts_.on_session_lost();
    if (!answer)
        parts_.logger.debug("the begin of a phase was not reported", {{"cause", answer.error().message()}});
}

void LogUploader::run(std::stop_token stop)
{
    while (!stop.stop_requested()) {
        const auto seen = parts_.spool.seen();
        const auto state = parts_.stage.state();
        if (is_over(state))
            return;
        if (state.phase == WorkerPhase::running)
            report_phase(stop);
        const Sent sent = worker::may_send_log(state) ? send_some(stop) : Sent::all;
        switch (sent) {
        case Sent::some:
            break;
        case Sent::all:
            parts_.spool.wait_change(seen, kIdle, stop);
            break;
        case Sent::failed:
            backoff_.wait(stop);
            break;
        }
    }
}

void LogUploader::refilter()
{
    const std::lock_guard lock{log_mutex_};
    refilter_ = true;
}

Result<std::string_view> LogUploader::read(std::uint64_t offset)
{
    const std::lock_guard lock{log_mutex_};
    if (std::exchange(refilter_, false))
        log_.begin_again();
    return log_.read(offset, kLogChunk, complete_);
}

LogUploader::Sent LogUploader::send_some(std::stop_token stop)
{
    const std::uint64_t offset = parts_.stage.state().log_acked;
    const auto bytes = read(offset);
    if (!bytes)
        return failed(bytes.error());
    if (bytes->empty()) {
        if (complete_)
            parts_.copy.finish();
        return Sent::all;
    }
    parts_.copy.take(offset, *bytes);
    const std::uint64_t end = offset + bytes->size();
    if (const auto grown = parts_.stage.apply(worker::LogGrew{end}); !grown)
        return failed(grown.error());
    parts_.stage.entry().passed("before append_log");
    const auto answer = parts_.backend.append_log(parts_.stage.ref(), offset, *bytes, stop);
    parts_.stage.entry().passed("append_log");
    if (!answer) {
        if (answer.error().code() == Errc::rejected)
            parts_.on_session_lost();
        return failed(answer.error());
    }
    if (answer->kind == StageAnswer::Kind::ok && answer->expected > offset)
        parts_.tally.delivered += answer->expected - offset;
    return take(*answer, end);
}

LogUploader::Sent LogUploader::take(const StageAnswer& answer, std::uint64_t sent_to)
{
    const auto event = answer.kind == StageAnswer::Kind::gone
        ? worker::Event{worker::Refused{}}
        : worker::Event{worker::LogAnswered{answer.expected}};
    if (const auto applied = parts_.stage.apply(event); !applied)
        return failed(applied.error());
    const auto state = parts_.stage.state();
    if (is_over(state) || state.log_acked == state.log_end)
        parts_.on_change();
    if (answer.kind == StageAnswer::Kind::not_yet) {
        parts_.logger.warn("the backend asks for the log from an earlier byte",
            {{"expected", std::to_string(answer.expected)}, {"sent_to", std::to_string(sent_to)}});
        // Going back once is normal; a backend that never takes a byte must not be asked in a busy loop.
        return Sent::failed;
    }
    if (reported_)
        parts_.logger.info("the log is being delivered again");
    reported_.reset();
    backoff_.reset();
    return Sent::some;
}

LogUploader::Sent LogUploader::failed(const Error& error)
{
    if (error.code() != Errc::cancelled && (!reported_ || reported_->code() != error.code())) {
        parts_.logger.warn("the log cannot be delivered now; it is kept and the upload is repeated", error);
        reported_ = error;
    }
    return Sent::failed;
}

} // namespace slipway::launcher
