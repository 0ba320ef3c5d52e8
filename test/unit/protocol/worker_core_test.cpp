#include "common/protocol/worker_core.h"

#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <vector>

using namespace slipway::protocol;
using namespace slipway::protocol::worker;

namespace {

constexpr Millis kNow = 1'000;
constexpr std::array kPhases{WorkerPhase::offered, WorkerPhase::accepted, WorkerPhase::starting,
    WorkerPhase::running, WorkerPhase::finished, WorkerPhase::gone, WorkerPhase::done};

WorkerStage stage(StageKind kind, WorkerPhase phase)
{
    return {.kind = kind,
        .fence = {1, 1},
        .phase = phase,
        .lease_until = kNow + 50,
        .outcome = phase == WorkerPhase::finished ? Outcome::succeeded : Outcome::none,
        .log_end = 2,
        .log_acked = 2};
}

/// "r": the phase (offered, accepted, starting, running, finished, gone, done).
char letter(WorkerPhase phase) { return "oasrfgd"[static_cast<std::size_t>(phase)]; }

std::string row(StageKind kind, const Event& event)
{
    std::string text;
    for (const auto phase : kPhases)
        text += letter(step(stage(kind, phase), event, kNow).phase);
    return text;
}

struct Row {
    const char* name;
    Event event;
    const char* expected; ///< For each phase: offered accepted starting running finished gone done.
};

} // namespace

TEST_CASE("each event has its state in each phase")
{
    const std::vector<Row> table{
        {"accept answered", AcceptAnswered{kNow - 10, 100}, "aasrfgd"},
        {"prepared", Prepared{}, "ossrfgd"},
        {"prepare failed", PrepareFailed{Outcome::failed}, "offrfgd"},
        {"started answered", StartedAnswered{kNow - 10, 100}, "oarrfgd"},
        {"started answered late", StartedAnswered{kNow - 100, 100}, "oasrfgd"},
        {"renewed", Renewed{kNow, 100}, "oasrfgd"},
        {"refused", Refused{}, "ggggggd"},
        {"exited", Exited{Outcome::failed}, "oasffgd"},
        {"log grew", LogGrew{3}, "oasrfgd"},
        {"log answered", LogAnswered{2}, "oasrfgd"},
        {"log cut", LogCut{1, 1}, "oasrfgd"},
        {"finish answered", FinishAnswered{}, "oasrdgd"},
        {"restarted, no slot", Restarted{SlotFound::absent}, "oaaffgd"},
        {"restarted, idle slot", Restarted{SlotFound::idle}, "oassfgd"},
        {"restarted, used slot", Restarted{SlotFound::used}, "oarrfgd"},
    };
    for (const auto& line : table) {
        INFO(line.name);
        CHECK(row(StageKind::write, line.event) == line.expected);
        CHECK(row(StageKind::read, line.event) == line.expected);
    }
}

TEST_CASE("each phase has its action")
{
    constexpr std::array actions{Action::send_accept, Action::prepare, Action::send_started, Action::follow,
        Action::send_finished, Action::remove, Action::remove};
    for (std::size_t i = 0; i < kPhases.size(); ++i)
        CHECK(next(stage(StageKind::read, kPhases[i])) == actions[i]);
    auto finished = stage(StageKind::read, WorkerPhase::finished);
    finished.log_acked = 1;
    CHECK(next(finished) == Action::deliver_log);
    std::string log;
    for (const auto phase : kPhases)
        log += may_send_log(stage(StageKind::read, phase)) ? 'y' : 'n';
    CHECK(log == "nyyyynn");
}

TEST_CASE("an offer begins with its journal entry and the accept")
{
    const auto first = begin(StageKind::write, {1, 4});
    CHECK(first == WorkerStage{.kind = StageKind::write, .fence = {1, 4}});
    CHECK(next(first) == Action::send_accept);
}

TEST_CASE("the first run frame waits no longer than the lease that came with the answer to started")
{
    const auto kind = GENERATE(StageKind::read, StageKind::write);
    const auto confirmed = step(stage(kind, WorkerPhase::starting), StartedAnswered{kNow - 10, 100}, kNow);
    CHECK(may_begin(confirmed, kNow + 89));
    CHECK_FALSE(may_begin(confirmed, kNow + 90));
    const auto renewed = step(confirmed, Renewed{kNow + 50, 100}, kNow + 60);
    CHECK(renewed.lease_until == kNow + 150);
    CHECK_FALSE(may_begin(renewed, kNow + 90));
    const auto again = step(renewed, Restarted{SlotFound::idle}, kNow + 90);
    CHECK(next(again) == Action::send_started);
    CHECK_FALSE(may_begin(again, kNow));
}

TEST_CASE("a lease counts from the moment its request was sent and never gets shorter by a renewal")
{
    const auto running = stage(StageKind::read, WorkerPhase::running);
    CHECK(step(running, Renewed{kNow - 10, 100}, kNow).lease_until == kNow + 90);
    CHECK(step(running, Renewed{kNow - 90, 100}, kNow).lease_until == kNow + 50);
    const auto starting = stage(StageKind::read, WorkerPhase::starting);
    CHECK(step(starting, StartedAnswered{kNow - 90, 100}, kNow).lease_until == kNow + 10);
    const auto offered = stage(StageKind::read, WorkerPhase::offered);
    CHECK(step(offered, AcceptAnswered{kNow - 90, 100}, kNow).lease_until == kNow + 10);
}

TEST_CASE("the end is sent after the whole log, also when the control plane goes back")
{
    auto state = stage(StageKind::read, WorkerPhase::running);
    state.log_acked = 0;
    state = step(state, Exited{Outcome::succeeded}, kNow);
    CHECK(state.outcome == Outcome::succeeded);
    CHECK(next(state) == Action::deliver_log);
    state = step(state, LogAnswered{1}, kNow);
    CHECK(next(state) == Action::deliver_log);
    state = step(state, LogAnswered{2}, kNow);
    CHECK(next(state) == Action::send_finished);
    state = step(state, LogAnswered{0}, kNow); // the answer to an end that came before the log
    CHECK(next(state) == Action::deliver_log);
    CHECK(state.log_acked == 0);
    CHECK(step(state, LogAnswered{99}, kNow).log_acked == 2);
    CHECK(step(state, LogGrew{3}, kNow).log_end == 3);
    CHECK(step(state, LogGrew{1}, kNow).log_end == 2);
}

TEST_CASE("a log that a crash of the host has cut ends where it is said to end")
{
    auto state = stage(StageKind::write, WorkerPhase::finished);
    state.log_end = 9;
    state = step(state, LogCut{.durable = 3, .end = 5}, kNow);
    CHECK(state.log_end == 5);
    CHECK(state.log_acked == 3);
    CHECK(next(step(state, LogAnswered{5}, kNow)) == Action::send_finished);
}

TEST_CASE("a vanished container is a lost end, a failed preparation the end that it was given")
{
    CHECK(step(stage(StageKind::write, WorkerPhase::running), Restarted{SlotFound::absent}, kNow).outcome
        == Outcome::lost);
    CHECK(step(stage(StageKind::read, WorkerPhase::accepted), PrepareFailed{Outcome::lost}, kNow).outcome
        == Outcome::lost);
}

TEST_CASE("a contact says that a stage may have begun from the run frame on")
{
    std::string may;
    for (const auto phase : kPhases)
        may += may_have_started(stage(StageKind::read, phase)) ? 'y' : 'n';
    CHECK(may == "nnnyynn");
}

TEST_CASE("a stage that was ready once is never given back, whatever became of its container")
{
    std::string may;
    for (const auto phase : kPhases)
        may += may_give_back(stage(StageKind::write, phase)) ? 'y' : 'n';
    CHECK(may == "yynnnnn");
    auto state = step(stage(StageKind::write, WorkerPhase::accepted), Prepared{}, kNow);
    state = step(state, Restarted{SlotFound::absent}, kNow); // its start may have been reported
    CHECK(next(state) == Action::prepare);
    CHECK_FALSE(may_give_back(state));
    CHECK_FALSE(may_give_back(step(state, Restarted{SlotFound::absent}, kNow)));
    CHECK_FALSE(may_give_back(step(state, Renewed{kNow, 100}, kNow)));
    // As a journal of an earlier version has it.
    const auto phase = GENERATE(WorkerPhase::starting, WorkerPhase::running);
    CHECK_FALSE(may_give_back(step(stage(StageKind::write, phase), Restarted{SlotFound::absent}, kNow)));
    CHECK(may_give_back(
        step(stage(StageKind::write, WorkerPhase::accepted), Restarted{SlotFound::absent}, kNow)));
}
