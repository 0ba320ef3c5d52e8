#include "launcher/slot/slot_link.h"

#include <algorithm>

namespace slipway::slot {

namespace {

constexpr std::uint32_t kGetWindow = 1024 * 1024;

/// What slot-init's child said may end in mid-sentence when it was killed.
std::string in_words(const TransferEndFrame& end, const std::string& text)
{
    std::string why;
    if (end.signal != 0)
        why = end.cause == StopCause::lease ? "ended by the lease"
                                            : "killed by signal " + std::to_string(end.signal);
    if (why.empty())
        return text.empty() ? "the slot could not move the files" : text;
    return text.empty() ? why : why + "; before: " + text;
}

Errc code_of(std::uint32_t failed)
{
    if (failed == kMoveNoRoom)
        return Errc::exhausted;
    return failed == kMoveAbsent ? Errc::conflict : Errc::rejected;
}

} // namespace

Result<void> SlotLink::wait_connected(std::stop_token stop)
{
    const auto until = std::chrono::steady_clock::now() + kConnectTime;
    while (!peer_) {
        if (stop.stop_requested())
            return Error{Errc::cancelled, "waiting for the slot was cancelled"};
        if (std::chrono::steady_clock::now() >= until)
            return Error{Errc::timed_out, "the slot did not connect in time"};
        SLIPWAY_TRY(pump(until, stop));
    }
    return {};
}

Result<void> SlotLink::begin_transfer(FrameType type, const TransferSpec& spec, std::stop_token stop)
{
    if (spec.directory.find('\0') != std::string::npos || spec.user.find('\0') != std::string::npos
        || !spec.directory.starts_with('/') || spec.directory.size() + spec.user.size() > kMaxChunk)
        return Error{Errc::invalid_input, "a slot's directory must be an absolute path"};
    SLIPWAY_TRY(wait_connected(stop));
    const std::uint32_t id = next_transfer_++;
    transfer_ = {};
    transfer_.id = id;
    transfer_.credit = kPutWindow;
    transfer_moved();
    const std::string body = spec.user + '\0' + spec.directory + '\0';
    return send(type, TransferFrame{.id = id, .zero = 0}, body);
}

/// Waits for one round of frames.
Result<void> SlotLink::step_transfer(std::stop_token stop)
{
    if (stop.stop_requested())
        return Error{Errc::cancelled, "moving files was cancelled"};
    if (transfer_.failure)
        return *transfer_.failure;
    SLIPWAY_TRY(pump(transfer_.stalled, stop));
    if (std::chrono::steady_clock::now() >= transfer_.stalled)
        return Error{Errc::timed_out,
            "nothing moved for "
                + std::to_string(std::chrono::ceil<std::chrono::seconds>(spec_.stall).count()) + " s"};
    return {};
}

Result<void> SlotLink::send_chunk(std::string_view bytes, std::stop_token stop)
{
    while (!bytes.empty()) {
        if (transfer_.end)
            return Error{code_of(transfer_.how.failed), in_words(transfer_.how, *transfer_.end)};
        if (transfer_.failure)
            return *transfer_.failure;
        if (transfer_.credit == 0) {
            SLIPWAY_TRY(step_transfer(stop));
            continue;
        }
        const std::size_t size = std::min<std::size_t>({bytes.size(), transfer_.credit, kMaxChunk});
        SLIPWAY_TRY(
            send(FrameType::put_data, TransferFrame{.id = transfer_.id, .zero = 0}, bytes.substr(0, size)));
        transfer_.credit -= static_cast<std::uint32_t>(size);
        transfer_moved();
        bytes.remove_prefix(size);
    }
    return {};
}

Result<void> SlotLink::take_transfer_frame(const Frame& frame)
{
    const auto head = payload_head<TransferFrame>(frame.payload);
    if (!head)
        return Error{Errc::invalid_input, "a frame that is too short"};
    if (transfer_.id == 0 || head->id != transfer_.id)
        return {}; // Of one that was given up.
    if (frame.type == FrameType::put_credit) {
        const std::uint32_t more = payload_head<CreditFrame>(frame.payload)->bytes;
        if (more > kPutWindow - transfer_.credit)
            return Error{Errc::invalid_input, "more credit than was used"};
        transfer_.credit += more;
    } else if (frame.type == FrameType::get_data) {
        const std::string_view bytes = frame.payload.substr(sizeof *head);
        if (transfer_.sink == nullptr)
            return Error{Errc::invalid_input, "data of no transfer"};
        if (auto taken = (*transfer_.sink)(bytes); !taken && !transfer_.failure)
            transfer_.failure = taken.error();
        // A loss of the connection shows at its end.
        (void)send(FrameType::credit,
            CreditFrame{.id = transfer_.id, .bytes = static_cast<std::uint32_t>(bytes.size())});
    } else {
        const auto end = *payload_head<TransferEndFrame>(frame.payload);
        std::string_view text = frame.payload.substr(sizeof end);
        // Notes that were too many have lost their begin.
        if (const auto line = text.find('\n'); text.size() == kMaxText && line != std::string_view::npos)
            text.remove_prefix(line + 1);
        while (text.ends_with('\n'))
            text.remove_suffix(1);
        transfer_.end = std::string{text};
        transfer_.how = end;
    }
    transfer_moved();
    return {};
}

/// Waits for slot-init's answer, or gives the transfer up when `outcome` is a failure already.
Result<std::string> SlotLink::end_transfer(Result<void> outcome, std::stop_token stop)
{
    while (outcome && !transfer_.end)
        outcome = step_transfer(stop);
    if (outcome && transfer_.failure)
        outcome = *transfer_.failure;
    const Transfer ended = std::exchange(transfer_, {});
    if (ended.end && ended.how.failed != 0)
        return Error{code_of(ended.how.failed), in_words(ended.how, *ended.end)};
    if (outcome)
        return *ended.end;
    if (!ended.end && ended.id != 0)
        (void)send(FrameType::cancel,
            TransferFrame{.id = ended.id, .zero = 0}); // Else it ended with the connection.
    return outcome.error();
}

Result<void> SlotLink::put(const TransferSpec& spec, const Producer& tar, std::stop_token stop)
{
    auto outcome = begin_transfer(FrameType::put, spec, stop);
    if (outcome)
        outcome = tar([&](std::string_view bytes) { return send_chunk(bytes, stop); });
    if (outcome)
        outcome = send(FrameType::put_end, TransferFrame{.id = transfer_.id, .zero = 0});
    auto text = end_transfer(std::move(outcome), stop);
    if (!text)
        return in("unpacking into " + spec.directory, Result<void>{text.error()});
    return {};
}

Result<std::string> SlotLink::get(const TransferSpec& spec, const Sink& sink, std::stop_token stop)
{
    auto outcome = begin_transfer(FrameType::get, spec, stop);
    transfer_.sink = &sink;
    if (outcome)
        outcome = send(FrameType::credit, CreditFrame{.id = transfer_.id, .bytes = kGetWindow});
    return in("packing " + spec.directory, end_transfer(std::move(outcome), stop));
}

} // namespace slipway::slot
