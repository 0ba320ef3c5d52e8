#include "launcher/vela/container_run.h"

#include "common/json.h"
#include "common/secret.h"

#include <algorithm>

namespace slipway::vela {

namespace {

/// The longest wait for a slot without a look around.
constexpr std::chrono::milliseconds kLook{1000};
/// Of a user or directory that is not there: as slot-init says it, and as the engine does.
constexpr int kNotPrepared = 125;
constexpr int kStartRefused = 128;

std::string to_text(const RunEnd& end)
{
    JsonWriter json;
    json.begin_object().field("code", std::int64_t{end.code}).flag("oom", end.oom);
    json.flag("timed_out", end.timed_out).flag("never_executed", end.never_executed);
    json.flag("lost", end.lost).field("words", end.words).end_object();
    return json.take();
}

Result<RunEnd> read_end(std::string_view text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
    const JsonValue json = document.root();
    const auto flag = [&](std::string_view name) -> Result<JsonValue::Boolean> { return json.boolean(name); };
    RunEnd end;
    end.code = static_cast<int>(SLIPWAY_TRY(json.integer("code", -1, 255)));
    end.oom = SLIPWAY_TRY(flag("oom")) == JsonValue::Boolean::yes;
    end.timed_out = SLIPWAY_TRY(flag("timed_out")) == JsonValue::Boolean::yes;
    end.never_executed = SLIPWAY_TRY(json.boolean_or("never_executed", false)) == JsonValue::Boolean::yes;
    end.lost = SLIPWAY_TRY(flag("lost")) == JsonValue::Boolean::yes;
    end.words = SLIPWAY_TRY(json.string("words"));
    return end;
}

std::string to_text(const launcher::SlotFact& fact)
{
    JsonWriter json;
    json.begin_object().field("record", fact.record).field("container", fact.container);
    json.field("image", fact.image_id).end_object();
    return json.take();
}

Result<launcher::SlotFact> read_fact(std::string_view text)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
    const JsonValue json = document.root();
    return launcher::SlotFact{.record = SLIPWAY_TRY(json.string("record")),
        .container = SLIPWAY_TRY(json.string("container")),
        .image_id = SLIPWAY_TRY(json.string("image"))};
}

} // namespace

bool fits_any(const Container& container, bool privileged)
{
    return !privileged && !container.detach && container.ulimits.empty() && container.user.empty();
}

ContainerRun::ContainerRun(BuildContext& context, Container& container, launcher::Spool& spool)
    : context_{context}
    , container_{container}
    , spool_{spool}
    , name_{container.id}
    , sent_{context.journal.find(key("sent")).has_value()}
{
}

std::string ContainerRun::key(std::string_view what) const { return std::string{what} + "." + name_; }

std::optional<RunEnd> ContainerRun::known_end() const
{
    const auto text = context_.journal.find(key("end"));
    if (!text)
        return std::nullopt;
    auto end = read_end(*text);
    return end ? std::optional{*std::move(end)} : std::nullopt;
}

bool ContainerRun::was_started() const { return sent_; }

Result<void> ContainerRun::prepare(const BuildImage& image, bool privileged, std::stop_token stop)
{
    if (slot_)
        return {};
    image_ = image;
    if (sent_)
        return adopt(std::move(stop));
    const auto keep = [&](const launcher::SlotFact& fact) {
        return context_.journal.put(key("slot"), to_text(fact), BuildJournal::Sync::later);
    };
    if (fits_any(container_, privileged)) {
        if (auto idle = context_.take_idle(container_.image, image.id)) {
            SLIPWAY_TRY(keep(idle->fact));
            const std::lock_guard lock{mutex_};
            slot_ = std::move(idle->slot);
            return {};
        }
    }
    const ContainerWish wish{
        .container = container_, .image_id = image.id, .place = context_.kit.place, .privileged = privileged};
    auto slot = SLIPWAY_TRY(context_.services.host.create(wish, keep, std::move(stop)));
    const std::lock_guard lock{mutex_};
    slot_ = std::move(slot);
    return {};
}

Result<void> ContainerRun::adopt(std::stop_token stop)
{
    const auto text = context_.journal.find(key("slot"));
    if (!text)
        return Error{Errc::not_found, "the journal does not know the container"};
    const auto fact = SLIPWAY_TRY(read_fact(*text));
    auto slot = SLIPWAY_TRY(context_.services.host.adopt(fact, spool_.slot_end(), std::move(stop)));
    const std::lock_guard lock{mutex_};
    slot_ = std::move(slot);
    return {};
}

protocol::Millis ContainerRun::time_left() const
{
    const auto left
        = std::chrono::ceil<std::chrono::milliseconds>(context_.deadline - context_.services.clock.wall());
    return std::max<protocol::Millis>(left.count(), 1);
}

Result<void> ContainerRun::send()
{
    // After its own commands a container gets no time of its own: the build's limit is the only one.
    SLIPWAY_TRY(slot_->limits({.run = container_.detach ? 0 : time_left(), .silence = 0, .grace = 0}));
    launcher::SlotRun run{.seq = 1,
        .argv = container_.entrypoint,
        .environment = {},
        .directory = container_.directory,
        .tell_executed = container_.detach};
    if (run.argv.empty())
        run.argv = image_.entrypoint;
    const auto& arguments
        = container_.commands.empty() && container_.entrypoint.empty() ? image_.cmd : container_.commands;
    run.argv.insert(run.argv.end(), arguments.begin(), arguments.end());
    if (run.argv.empty())
        return Error{Errc::invalid_input, "no command specified"};
    if (run.directory.empty())
        run.directory = image_.working_dir;
    run.environment.assign(container_.environment.begin(), container_.environment.end());
    auto sent = slot_->run(run);
    for (auto& [name, value] : run.environment)
        wipe(value);
    return sent;
}

Result<void> ContainerRun::start(std::stop_token)
{
    if (sent_)
        return {};
    SLIPWAY_TRY(context_.journal.put(key("sent"), "1"));
    sent_ = true;
    return send();
}

void ContainerRun::stop_soon(std::chrono::milliseconds grace)
{
    stop_grace_ = grace.count();
    const std::lock_guard lock{mutex_};
    if (slot_)
        slot_->wake();
}

Result<RunEnd> ContainerRun::ended(RunEnd end)
{
    SLIPWAY_TRY(context_.journal.put(key("end"), to_text(end)));
    if (slot_)
        (void)slot_->ack(spool_.slot_end(), 1); // the container is removed soon, with or without it
    return end;
}

Result<std::optional<RunEnd>> ContainerRun::take(const launcher::SlotEvent& event)
{
    if (const auto* ready = std::get_if<launcher::SlotReady>(&event)) {
        if (const auto known = spool_.slot_end(); ready->output_begin > known)
            SLIPWAY_TRY(spool_.append_gap(ready->output_begin - known));
        stop_sent_ = false;
        if (sent_ && ready->last_seq < 1)
            SLIPWAY_TRY(send());
        return std::optional<RunEnd>{};
    }
    if (const auto* output = std::get_if<launcher::SlotOutput>(&event)) {
        const bool first = spool_.slot_end() == 0;
        SLIPWAY_TRY(spool_.append_output(output->bytes));
        if (first)
            context_.shipper.hurry(); // a person waits for it
        SLIPWAY_TRY(slot_->ack(spool_.slot_end(), 0));
        return std::optional<RunEnd>{};
    }
    if (std::holds_alternative<launcher::SlotExecuted>(event))
        executed_ = true;
    if (const auto* exited = std::get_if<launcher::SlotExit>(&event)) {
        // As the engine has it, whose own PID 1 would have been the command.
        const bool refused = exited->never_executed && exited->code == kNotPrepared;
        const RunEnd end{.code = refused ? kStartRefused : exited->code,
            .oom = exited->oom,
            .timed_out = exited->by == launcher::EndedBy::run_limit,
            .never_executed = exited->never_executed,
            .words = {}};
        return std::optional{SLIPWAY_TRY(ended(end))};
    }
    return std::optional<RunEnd>{};
}

Result<ContainerRun::Still> ContainerRun::look(std::stop_token stop)
{
    if (!slot_ || known_end())
        return Still::ended;
    for (;;) {
        const auto event = slot_->next(std::chrono::milliseconds{0}, stop);
        if (!event)
            return event.error().code() == Errc::not_found ? Result<Still>{Still::ended} : event.error();
        if (std::holds_alternative<launcher::Nothing>(*event))
            return Still::runs;
        if (SLIPWAY_TRY(take(*event)))
            return Still::ended;
    }
}

Result<std::optional<RunEnd>> ContainerRun::await_executed(std::stop_token stop)
{
    if (auto known = known_end())
        return known;
    while (container_.detach && !executed_ && slot_->tells_executed()) {
        const auto event = slot_->next(kLook, stop);
        if (!event && event.error().code() == Errc::not_found)
            return std::optional{
                SLIPWAY_TRY(ended({.code = 137, .lost = true, .words = event.error().message()}))};
        if (!event)
            return event.error();
        if (auto end = SLIPWAY_TRY(take(*event)))
            return end;
    }
    return std::optional<RunEnd>{};
}

Result<RunEnd> ContainerRun::follow(std::stop_token stop)
{
    if (auto known = known_end())
        return *std::move(known);
    for (;;) {
        if (stop.stop_requested())
            return Error{Errc::cancelled, "stopped"};
        if (const auto grace = stop_grace_.load(); grace >= 0 && !stop_sent_) {
            // Lost with the connection: said again after the next `SlotReady`.
            stop_sent_ = static_cast<bool>(slot_->stop_run(grace));
        }
        auto event = slot_->next(kLook, stop);
        if (!event && event.error().code() == Errc::not_found)
            return ended({.code = 137, .lost = true, .words = event.error().message()});
        const auto happened = SLIPWAY_TRY(std::move(event));
        const auto end = SLIPWAY_TRY(take(happened));
        if (end)
            return *end;
    }
}

void ContainerRun::release()
{
    const std::lock_guard lock{mutex_};
    slot_.reset();
}

Result<void> ContainerRun::remove(std::stop_token stop)
{
    release();
    const auto text = context_.journal.find(key("slot"));
    if (!text)
        return {};
    const auto fact = SLIPWAY_TRY(read_fact(*text));
    return context_.services.host.remove(fact.container, std::move(stop));
}

} // namespace slipway::vela
