#include "mothership/control_plane.h"

#include "common/file.h"
#include "crypto/digest.h"
#include "mothership/stages.h"

#include <charconv>

namespace slipway::mothership {

namespace {

constexpr std::chrono::seconds kTick{1};
constexpr std::size_t kSecretBytes = 32;
/// No control plane has served for longer: 100 years.
constexpr Millis kMaxServed = 100LL * 365 * 24 * 3600 * 1000;

Result<std::optional<std::int64_t>> read_generation(const std::filesystem::path& file)
{
    const auto text = SLIPWAY_TRY(read_file_if_exists(file, 64));
    std::int64_t value = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{})
        return std::optional<std::int64_t>{};
    return std::optional{value};
}

} // namespace

Result<std::unique_ptr<ControlPlane>> ControlPlane::start(
    const ControlPlaneParts& parts, std::filesystem::path generation_file, protocol::Terms terms)
{
    Meta meta;
    const auto look = [&](Transaction& records) -> Result<void> {
        meta = SLIPWAY_TRY(records.meta());
        return {};
    };
    SLIPWAY_TRY(parts.store.read(look));
    std::unique_ptr<ControlPlane> plane{new ControlPlane{parts, std::move(generation_file), meta, terms}};
    SLIPWAY_TRY(in("checking the store's generation", plane->check_generation()));
    return plane;
}

Result<void> ControlPlane::change_records(const std::function<Result<void>(Work&)>& decide)
{
    std::vector<std::string> topics;
    std::vector<std::string> alarms;
    const auto body = [&](Transaction& records) -> Result<void> {
        Work work{.records = records,
            .now = served_.now(),
            .wall_ms = wall_ms(),
            .terms = terms_,
            .clock = parts_.clock,
            .random = parts_.random,
            .topics = {},
            .alarms = {}};
        SLIPWAY_TRY(decide(work));
        topics = std::move(work.topics);
        alarms = std::move(work.alarms);
        return {};
    };
    SLIPWAY_TRY(parts_.store.write(body));
    for (const auto& topic : topics)
        parts_.topics.notify(topic);
    for (const auto& alarm : alarms)
        parts_.logger.error(alarm);
    return {};
}

std::int64_t ControlPlane::wall_ms() const
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(parts_.clock.wall().time_since_epoch())
        .count();
}

/// The file is written after the store, so that a crash between them leaves the file behind, which proves
/// nothing; a file that is ahead proves that the store is older than what it served last.
Result<void> ControlPlane::check_generation()
{
    const auto beside = SLIPWAY_TRY(read_generation(generation_file_));
    const auto meta = SLIPWAY_TRY(look([](Transaction& records) { return records.meta(); }));
    std::optional<std::string> went_back;
    if (meta.generation > 0 && !beside)
        went_back = "the file " + generation_file_.string() + " is missing";
    else if (beside.value_or(0) > meta.generation)
        went_back = "it is older than what it served last";
    const std::lock_guard lock{restore_mutex_};
    return persist(served_.next(), beside.value_or(0), went_back);
}

Result<void> ControlPlane::persist(const ServedTime::Reservation& reservation, std::int64_t least_generation,
    std::optional<std::string> went_back)
{
    Meta meta;
    const auto decide = [&](Work& work) -> Result<void> {
        meta = SLIPWAY_TRY(work.records.meta());
        meta.served = reservation.served;
        meta.reserved = reservation.reserved;
        meta.generation = std::max(meta.generation, least_generation) + 1;
        if (meta.server_id.empty()) {
            meta.server_id = work.new_id();
            meta.secret = random_hex(work.random, kSecretBytes);
        }
        if (went_back)
            ++meta.epoch;
        SLIPWAY_TRY(work.records.put_meta(meta));
        if (!went_back)
            return {};
        work.now = std::max(work.now, reservation.served);
        for (auto& stage : SLIPWAY_TRY(work.records.live_stages()))
            SLIPWAY_TRY(apply_event(work, stage, protocol::server::StoreRestored{}));
        return {};
    };
    SLIPWAY_TRY(change_records(decide));
    served_.take(reservation);
    if (identity_.server_id.empty())
        identity_ = meta;
    if (went_back)
        parts_.logger.error(
            "the store was restored from a backup; stages that may write are held until an "
            "operator releases them (slipway run release RUN), and plans made before are to be "
            "made again",
            {{"noticed_by", *went_back}});
    return replace_file(generation_file_, std::to_string(meta.generation) + "\n", Durability::host);
}

std::string ControlPlane::mark_of(Millis served) const
{
    return crypto::hmac_sha256(identity_.secret, "served " + std::to_string(served)).hex();
}

Result<void> ControlPlane::check_seen(Millis seen, std::string_view mark)
{
    if (seen <= served_.now() || seen > kMaxServed)
        return {};
    if (!Secret{mark_of(seen)}.equals(mark)) // another control plane's, or made up
        return {};
    const std::lock_guard lock{restore_mutex_};
    if (seen <= served_.now()) // another worker told it a moment ago
        return {};
    return persist(served_.from(seen), 0, "a worker has seen served time " + std::to_string(seen));
}

Result<void> ControlPlane::reserve(ServedTime::Reservation (ServedTime::*which)() const)
{
    const std::lock_guard lock{restore_mutex_};
    return persist((served_.*which)(), 0);
}

Result<void> ControlPlane::end_what_is_due()
{
    const Millis now = served_.now();
    for (const auto& due : SLIPWAY_TRY(look([&](Transaction& records) { return records.due_stages(now); }))) {
        // One that cannot be ended must not keep the others.
        const auto ended = change_records([&](Work& work) -> Result<void> {
            auto stage = SLIPWAY_TRY(work.records.stage(due.id));
            if (stage)
                SLIPWAY_TRY(apply_event(work, *stage, protocol::server::Tick{}));
            return {};
        });
        if (!ended)
            parts_.logger.with("stage", due.id).error("ending a stage that is due", ended.error());
    }
    return {};
}

Result<void> ControlPlane::notice_silent_workers()
{
    const Millis now = served_.now();
    const auto workers = SLIPWAY_TRY(look([](Transaction& records) { return records.workers(); }));
    std::set<std::string> silent;
    for (const auto& worker : workers) {
        if (now - worker.last_contact <= kSilentAfter)
            continue;
        silent.insert(worker.id);
        if (!silent_.contains(worker.id))
            parts_.logger.warn("a worker is silent", {{"worker", worker.id}, {"hostname", worker.hostname}});
    }
    silent_ = std::move(silent);
    return {};
}

void ControlPlane::tick()
{
    if (auto done = reserve(&ServedTime::next); !done)
        parts_.logger.error("reserving served time", done.error());
    if (auto done = end_what_is_due(); !done)
        parts_.logger.error("ending what is due", done.error());
    if (auto done = notice_silent_workers(); !done)
        parts_.logger.error("looking for silent workers", done.error());
}

void ControlPlane::run(std::stop_token stop)
{
    while (parts_.clock.sleep_for(kTick, stop) == Clock::Slept::whole)
        tick();
    if (auto done = reserve(&ServedTime::last); !done)
        parts_.logger.warn("giving back served time", done.error());
}

} // namespace slipway::mothership
