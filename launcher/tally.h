#pragma once

#include "common/protocol/fence.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slipway::launcher {

/// Why an offer was declined, or a stage given back before it began.
enum class DeclineCause : std::uint8_t {
    draining,
    docker,
    no_place,
    pool,
    disk,
    unreadable,
    internal,
    given_back
};

inline constexpr std::array<std::string_view, 8> kDeclineCauses{
    "draining", "docker", "no_place", "pool", "disk", "unreadable", "internal", "given_back"};

inline constexpr std::size_t kOutcomes = 4; ///< Of protocol::Outcome; the first one, `none`, never counts.

/// Times in classes, as a Prometheus histogram has them. Thread-safe.
class Histogram {
public:
    /// Upper bounds of the classes, in milliseconds.
    static constexpr std::array<std::int64_t, 12> kBounds{
        1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10'000};

    struct Values {
        std::array<std::uint64_t, kBounds.size()> at_most{}; ///< Cumulative.
        std::uint64_t count = 0;
        std::uint64_t sum_ns = 0;
    };

    void add(std::chrono::nanoseconds time) noexcept
    {
        for (std::size_t i = 0; i < kBounds.size(); ++i)
            if (time <= std::chrono::milliseconds{kBounds[i]})
                ++at_most_[i];
        sum_ns_ += static_cast<std::uint64_t>(time.count());
        ++count_;
    }

    [[nodiscard]] Values values() const noexcept
    {
        Values values{.at_most = {}, .count = count_, .sum_ns = sum_ns_};
        for (std::size_t i = 0; i < kBounds.size(); ++i)
            values.at_most[i] = at_most_[i];
        return values;
    }

private:
    std::array<std::atomic<std::uint64_t>, kBounds.size()> at_most_{};
    std::atomic<std::uint64_t> count_{0};
    std::atomic<std::uint64_t> sum_ns_{0};
};

/// What an engine has done since its process began, for /metrics. Thread-safe; counts only grow.
struct Tally {
    std::atomic<std::uint64_t> offers{0}; ///< Repeated ones count once.
    std::atomic<std::uint64_t> accepts{0};
    std::array<std::atomic<std::uint64_t>, kDeclineCauses.size()> declines{};
    std::array<std::atomic<std::uint64_t>, kOutcomes> finished{}; ///< By protocol::Outcome.
    std::atomic<std::uint64_t> spooled{0}; ///< Bytes of output taken from slots.
    std::atomic<std::uint64_t> delivered{0}; ///< Bytes of log that the control plane has acknowledged.
    std::atomic<std::uint64_t> docker_errors{0}; ///< Calls that failed for another reason than a stop.
    std::atomic<std::uint64_t> poll_errors{0};
    Histogram cold_starts; ///< From the request for a slot to its being ready.
    Histogram warm_starts; ///< The same for one that was started ahead of need.

    void declined(DeclineCause cause) noexcept { ++declines.at(static_cast<std::size_t>(cause)); }

    void ended(protocol::Outcome outcome) noexcept { ++finished.at(static_cast<std::size_t>(outcome)); }
};

} // namespace slipway::launcher
