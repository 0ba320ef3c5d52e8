#pragma once

#include "test/model/checker.h"

#include <catch2/catch.hpp>

#include <cstdio>

/// What the tests of the model explore and how they print it.
namespace slipway::model {

using protocol::StageKind;

inline constexpr Settings kRead{.kind = StageKind::read};
inline constexpr Settings kWrite{.kind = StageKind::write};
inline constexpr Settings kReadBack{.kind = StageKind::read, .faults = 1, .store_goes_back = true};
inline constexpr Settings kWriteBack{.kind = StageKind::write, .faults = 1, .store_goes_back = true};
// Deep ways are found from a container that runs, without faults of the other kinds.
inline constexpr Settings kReadRunning{.kind = StageKind::read, .faults = 0, .head_start = kRunning};
inline constexpr Settings kWriteBackRunning{
    .kind = StageKind::write, .faults = 0, .store_goes_back = true, .head_start = kRunning};
inline constexpr Settings kWriteRunning{.kind = StageKind::write, .faults = 1, .head_start = kRunning};

// A launcher that dies, finds its container gone, dies again and is told to leave.
inline constexpr Settings kTwoLives{
    .kind = StageKind::write, .log_bytes = 0, .faults = 4, .head_start = kWrittenDown};

inline void print(const char* what, const Report& report)
{
    std::printf("%s: %zu states, depth %zu%s, %.2f s\n", what, report.states, report.depth,
        report.complete ? " (all)" : "", report.seconds);
    for (std::size_t i = 0; !report.broken.empty() && i < report.trace.size(); ++i)
        std::printf("  %2zu %s\n", i + 1, report.trace[i].c_str());
}

/// The shortest way on which `mutant` breaks `promise`, printed.
inline void check_caught(const Core& mutant, const Settings& settings, std::string_view promise)
{
    const Report report = explore(settings, mutant, {.states = 2'000'000});
    print(report.broken.c_str(), report);
    CHECK(report.broken.substr(0, report.broken.find(':')) == promise);
    CHECK_FALSE(report.trace.empty());
}

template <class E> const E* as(const protocol::server::Event& event) { return std::get_if<E>(&event); }

template <class E> const E* as(const protocol::worker::Event& event) { return std::get_if<E>(&event); }

using ServerStep = protocol::server::Step;

} // namespace slipway::model
