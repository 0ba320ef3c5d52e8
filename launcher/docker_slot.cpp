#include "launcher/docker_slot.h"

#include "common/base64.h"
#include "common/json.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

/// How often the engine is asked for a container whose slot-init is not connected.
constexpr std::chrono::seconds kAskEvery{1};
/// A container that was started and does not connect for this long is broken.
constexpr std::chrono::seconds kConnect{30};

EndedBy ended_by(slot::StopCause cause)
{
    switch (cause) {
    case slot::StopCause::none:
        return EndedBy::itself;
    case slot::StopCause::lease:
        return EndedBy::lease;
    case slot::StopCause::deadline:
        return EndedBy::run_limit;
    case slot::StopCause::silence:
        return EndedBy::silence_limit;
    case slot::StopCause::stopped:
        return EndedBy::stop;
    }
    return EndedBy::itself;
}

SlotExit exit_of(const slot::Exited& event)
{
    return {
        .seq = static_cast<int>(event.seq),
        .code = std::clamp(event.shell_code(), 0, 255),
        .signal = event.kind == slot::ExitKind::signalled ? event.code : 0,
        .oom = event.oom_kills != 0,
        .swept = event.swept,
        .never_executed = event.never_executed,
        .by = ended_by(event.cause),
    };
}

/// The image's variables, each replaced by ours of the same name.
std::vector<std::string> merged(const docker::Strings& image, const Pairs& ours)
{
    std::vector<std::string> all;
    for (const auto& entry : image) {
        const auto name = std::string_view{entry}.substr(0, entry.find('='));
        if (std::none_of(ours.begin(), ours.end(), [&](const auto& pair) { return pair.first == name; }))
            all.push_back(entry);
    }
    for (const auto& [name, value] : ours)
        all.push_back(name + "=" + value);
    return all;
}

} // namespace

std::string SlotRecord::to_text() const
{
    JsonWriter json;
    json.begin_object().field("directory", directory).field("key", base64_encode(key.reveal()));
    json.field("user", user).string_list("environment", environment).flag("stdio", stdio).end_object();
    return json.take();
}

Result<SlotRecord> SlotRecord::parse(std::string_view text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
    const JsonValue json = document.root();
    SlotRecord record;
    record.directory = SLIPWAY_TRY(json.string("directory"));
    const std::string encoded = SLIPWAY_TRY(json.string("key"));
    std::string key = SLIPWAY_TRY(base64_decode(encoded));
    record.key = Secret::take(key);
    record.user = SLIPWAY_TRY(json.string("user"));
    record.environment = SLIPWAY_TRY(json.string_list("environment"));
    record.stdio = SLIPWAY_TRY(json.boolean_or("stdio", false)) == JsonValue::Boolean::yes;
    return record;
}

DockerSlot::DockerSlot(
    std::unique_ptr<slot::Slot> slot, docker::Docker docker, SlotRecord record, const Clock& clock)
    : slot_{std::move(slot)}
    , docker_{std::move(docker)}
    , record_{std::move(record)}
    , clock_{clock}
    , away_since_{clock.now()}
{
}

Result<void> DockerSlot::wait_ready(std::stop_token stop)
{
    while (!connected_) {
        const auto event = SLIPWAY_TRY(wait_event(kAskEvery, stop));
        if (const auto* ready = std::get_if<SlotReady>(&event))
            announced_ = *ready;
    }
    return {};
}

bool DockerSlot::connected_now()
{
    const auto event = slot_->link().next_event(std::chrono::milliseconds{0}, {});
    // One that was never told to do anything has nothing to say but that it left.
    return connected_ && event && !event->has_value();
}

/// `not_found` when the container is gone or has ended.
Result<void> DockerSlot::check_alive(std::stop_token stop)
{
    if (checked_ && clock_.now() - *checked_ < kAskEvery)
        return {};
    checked_ = clock_.now();
    const auto found = SLIPWAY_TRY(docker_.inspect_container(container(), std::move(stop)));
    if (found.state.running || found.state.status == docker::ContainerStatus::created)
        return {};
    std::string words = "the container ended with code " + std::to_string(found.state.exit_code);
    if (!found.state.error.empty())
        words += ": " + found.state.error;
    return Error{Errc::not_found, std::move(words)};
}

Result<SlotEvent> DockerSlot::next(std::chrono::milliseconds at_most, std::stop_token stop)
{
    if (announced_) {
        const SlotEvent ready{*announced_};
        announced_.reset();
        return ready;
    }
    return wait_event(at_most, std::move(stop));
}

Result<SlotEvent> DockerSlot::wait_event(std::chrono::milliseconds at_most, std::stop_token stop)
{
    const auto wait = connected_ ? at_most : std::min<std::chrono::milliseconds>(at_most, kAskEvery);
    auto event = SLIPWAY_TRY(slot_->link().next_event(wait, stop));
    if (event)
        return take(*std::move(event));
    if (connected_)
        return SlotEvent{Nothing{}};
    SLIPWAY_TRY(check_alive(stop));
    if (clock_.now() - away_since_ < kConnect)
        return SlotEvent{Nothing{}};
    const std::string& why = slot_->link().turned_away();
    return Error{Errc::timed_out,
        "the container runs, but its slot-init did not connect within 30 s"
            + (why.empty() ? "" : ": " + why)};
}

Result<SlotEvent> DockerSlot::take(slot::Event event)
{
    if (const auto* ready = std::get_if<slot::Ready>(&event)) {
        connected_ = true;
        last_seq_ = static_cast<int>(ready->last_seq);
        return SlotEvent{SlotReady{.last_seq = last_seq_, .output_begin = ready->output_begin}};
    }
    if (auto* output = std::get_if<slot::Output>(&event))
        return SlotEvent{SlotOutput{.bytes = std::move(output->bytes)}};
    if (const auto* executed = std::get_if<slot::Executed>(&event))
        return SlotEvent{SlotExecuted{.seq = static_cast<int>(executed->seq)}};
    if (const auto* exited = std::get_if<slot::Exited>(&event))
        return SlotEvent{exit_of(*exited)};
    if (const auto* notice = std::get_if<slot::Notice>(&event))
        return SlotEvent{SlotNotice{.silence = notice->kind == slot::NoticeKind::silence,
            .seq = static_cast<int>(notice->seq),
            .elapsed = notice->elapsed.count(),
            .limit = notice->limit.count()}};
    connected_ = false;
    away_since_ = clock_.now();
    checked_.reset();
    return SlotEvent{Nothing{}};
}

Result<void> DockerSlot::put(std::string_view directory, const Producer& tar, std::stop_token stop)
{
    return slot_->link().put(
        {.directory = std::string{directory}, .user = record_.user}, tar, std::move(stop));
}

Result<std::string> DockerSlot::get(std::string_view directory, const Sink& tar, std::stop_token stop)
{
    return slot_->link().get(
        {.directory = std::string{directory}, .user = record_.user}, tar, std::move(stop));
}

Result<void> DockerSlot::run(const SlotRun& run)
{
    slot::RunSpec spec{.argv = run.argv,
        .env = merged(record_.environment, run.environment),
        .cwd = run.directory,
        .user = record_.user,
        .tell_executed = run.tell_executed};
    auto sent = slot_->link().run(static_cast<std::uint32_t>(run.seq), spec);
    for (auto& entry : spec.env)
        wipe(entry);
    return sent;
}

Result<void> DockerSlot::ack(std::uint64_t output_end, int seq)
{
    return slot_->link().ack(output_end, static_cast<std::uint32_t>(seq));
}

Result<void> DockerSlot::lease(protocol::Millis left)
{
    return slot_->link().lease(std::chrono::milliseconds{std::max<protocol::Millis>(left, 0)});
}

Result<void> DockerSlot::end_lease() { return slot_->link().lease(slot::kNoLease); }

Result<void> DockerSlot::limits(const SlotLimits& limits)
{
    return slot_->link().limits({.total = std::chrono::milliseconds{limits.run},
        .silence = std::chrono::milliseconds{limits.silence},
        .grace = std::chrono::milliseconds{limits.grace}});
}

Result<void> DockerSlot::stop_run(protocol::Millis grace)
{
    return slot_->link().stop(std::chrono::milliseconds{grace});
}

Result<void> DockerSlot::dismiss() { return slot_->link().bye(); }

} // namespace slipway::launcher
