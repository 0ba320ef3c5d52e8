#pragma once

#include "common/http/server_topics.h"
#include "common/log.h"
#include "mothership/served_time.h"
#include "mothership/work.h"

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>

namespace slipway::mothership {

/// A worker without contact for this long is shown as silent.
inline constexpr Millis kSilentAfter = 45'000;

/// What the parts are made of; all of it outlives the control plane.
struct ControlPlaneParts {
    Store& store;
    http::Topics& topics;
    const Clock& clock;
    Random& random;
    Logger logger;
};

/// Carries decisions out: one transaction each, then the wake-ups and the alarms. Keeps served time and the
/// passing of leases. Thread-safe.
class ControlPlane {
public:
    /// `generation_file` stands beside the store and tells one that was restored from a backup. It is never
    /// part of a backup: a missing file proves a restored store as well as one that is ahead.
    static Result<std::unique_ptr<ControlPlane>> start(
        const ControlPlaneParts& parts, std::filesystem::path generation_file, protocol::Terms terms = {});

    /// Does `decide(Work&) -> Result<T>` as one durable transaction; it may be called more than once, so it
    /// must not change anything else.
    template <class Decide> auto change(const Decide& decide) -> decltype(decide(std::declval<Work&>()))
    {
        using Value = typename decltype(decide(std::declval<Work&>()))::value_type;
        std::optional<Value> value;
        const auto keep = [&](Work& work) -> Result<void> {
            value = SLIPWAY_TRY(decide(work));
            return {};
        };
        SLIPWAY_TRY(change_records(keep));
        return *std::move(value);
    }

    /// `look(Transaction&) -> Result<T>` on a consistent view.
    template <class Look> auto look(const Look& look) -> decltype(look(std::declval<Transaction&>()))
    {
        using Value = typename decltype(look(std::declval<Transaction&>()))::value_type;
        std::optional<Value> value;
        const auto keep = [&](Transaction& records) -> Result<void> {
            value = SLIPWAY_TRY(look(records));
            return {};
        };
        SLIPWAY_TRY(parts_.store.read(keep));
        return *std::move(value);
    }

    /// Has requests that wait for `topic` looked at again, where nothing that is stored has changed.
    void wake(std::string_view topic) { parts_.topics.notify(topic); }

    Result<void> change_records(const std::function<Result<void>(Work&)>& decide);

    [[nodiscard]] Millis now() const { return served_.now(); }

    [[nodiscard]] std::int64_t wall_ms() const;

    [[nodiscard]] const protocol::Terms& terms() const noexcept { return terms_; }

    [[nodiscard]] const Clock& clock() const noexcept { return parts_.clock; }

    [[nodiscard]] Random& random() const noexcept { return parts_.random; }

    [[nodiscard]] const Logger& logger() const noexcept { return parts_.logger; }

    [[nodiscard]] const std::string& server_id() const noexcept { return identity_.server_id; }

    /// What a launcher is told with `served`, so that it can prove later that it was told.
    [[nodiscard]] std::string mark_of(Millis served) const;

    /// A launcher says what served time it has seen, with the mark: more than there was means that the store
    /// went back. Ignored when the mark is not good.
    Result<void> check_seen(Millis seen, std::string_view mark);

    /// One round of what time does: reserves served time, ends leases, offers and run limits, notices silent
    /// workers.
    void tick();
    /// A round a second until `stop`, then gives back the time that was reserved.
    void run(std::stop_token stop);

private:
    ControlPlane(const ControlPlaneParts& parts, std::filesystem::path generation_file, const Meta& meta,
        protocol::Terms terms)
        : parts_{parts}
        , generation_file_{std::move(generation_file)}
        , served_{parts.clock, meta}
        , terms_{terms}
    {
    }

    Result<void> check_generation();
    /// Makes the reservation durable, and with it, when the store `went_back`, all that follows from that.
    /// `restore_mutex_` is held.
    Result<void> persist(const ServedTime::Reservation& reservation, std::int64_t least_generation,
        std::optional<std::string> went_back = {});
    Result<void> reserve(ServedTime::Reservation (ServedTime::*which)() const);
    Result<void> end_what_is_due();
    Result<void> notice_silent_workers();

    ControlPlaneParts parts_;
    std::filesystem::path generation_file_;
    ServedTime served_;
    Meta identity_; ///< Its server_id and secret; constant after the start.
    protocol::Terms terms_;
    std::set<std::string> silent_; ///< Of the ticking thread.
    std::mutex restore_mutex_; ///< One reservation at a time, from its making to its taking.
};

} // namespace slipway::mothership
