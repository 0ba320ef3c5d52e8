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

/// "r:Ff": the phase (offered, accepted, starting, running, finished, gone, done) and the actions: Accept,
/// Prepare, Started, run Frame, follow, push Lease, log, End, Kill, forget (X).
std::string outcome(const Step& step)
{
    std::string text{"oasrfgd"[static_cast<std::size_t>(step.state.phase)], ':'};
    for (const auto action : step.actions)
        text += "APSFfLlEKX"[static_cast<std::size_t>(action)];
    return text;
}

std::string row(StageKind kind, const Event& event)
{
    std::string text;
    for (const auto phase : kPhases)
        text += (text.empty() ? "" : " ") + outcome(step(stage(kind, phase), event, kNow));
    return text;
}

struct Row {
    const char* name;
    Event event;
    const char* expected; ///< For each phase: offered accepted starting running finished gone done.
};

} // namespace

TEST_CASE("each event has its state and its actions in each phase")
{
    const std::vector<Row> table{
        {"accept answered", AcceptAnswered{kNow - 10, 100}, "a:P a: s: r: f: g: d:"},
        {"prepared", Prepared{}, "o: s:S s: r: f: g: d:"},
        {"prepare failed", PrepareFailed{Outcome::failed}, "o: f:E f:E r: f: g: d:"},
        {"started answered", StartedAnswered{kNow - 10, 100}, "o: a: r:Ff r: f: g: d:"},
        {"started answered late", StartedAnswered{kNow - 100, 100}, "o: a: s:S r: f: g: d:"},
        {"refused", Refused{}, "g:KX g:KX g:KX g:KX g:KX g: d:"},
        {"exited", Exited{Outcome::failed}, "o: a: s: f:E f: g: d:"},
        {"log grew", LogGrew{3}, "o:l a:l s:l r:l f:l g: d:"},
        {"log as long as known", LogGrew{2}, "o: a: s: r: f: g: d:"},
        {"log answered", LogAnswered{2}, "o: a: s: r: f:E g: d:"},
        {"log answered, behind", LogAnswered{1}, "o:l a:l s:l r:l f:l g: d:"},
        {"finish answered", FinishAnswered{}, "o: a: s: r: d:KX g: d:"},
        {"restarted, no slot", Restarted{SlotFound::absent}, "o:A a:P a:P f:E f:E g:KX d:KX"},
        {"restarted, idle slot", Restarted{SlotFound::idle}, "o:A a:P s:S s:S f:E g:KX d:KX"},
        {"restarted, used slot", Restarted{SlotFound::used}, "o:A a:P r:fl r:fl f:E g:KX d:KX"},
    };
    for (const auto& line : table) {
        INFO(line.name);
        CHECK(row(StageKind::write, line.event) == line.expected);
        CHECK(row(StageKind::read, line.event) == line.expected);
    }
    CHECK(row(StageKind::write, Renewed{kNow, 100}) == "o: a: s: r: f: g: d:");
    CHECK(row(StageKind::read, Renewed{kNow, 100}) == "o: a: s: r:L f: g: d:");
}

TEST_CASE("an offer begins with its journal entry and the accept")
{
    const auto first = begin(StageKind::write, {1, 4});
    CHECK(first.state == WorkerStage{.kind = StageKind::write, .fence = {1, 4}});
    CHECK(outcome(first) == "o:A");
}

TEST_CASE("a lease counts from the moment its request was sent and never gets shorter by a renewal")
{
    const auto running = stage(StageKind::read, WorkerPhase::running);
    CHECK(step(running, Renewed{kNow - 10, 100}, kNow).state.lease_until == kNow + 90);
    CHECK(step(running, Renewed{kNow - 90, 100}, kNow).state.lease_until == kNow + 50);
    const auto starting = stage(StageKind::read, WorkerPhase::starting);
    CHECK(step(starting, StartedAnswered{kNow - 90, 100}, kNow).state.lease_until == kNow + 10);
    const auto offered = stage(StageKind::read, WorkerPhase::offered);
    CHECK(step(offered, AcceptAnswered{kNow - 90, 100}, kNow).state.lease_until == kNow + 10);
}

TEST_CASE("the end is sent after the whole log, also when the control plane goes back")
{
    auto state = stage(StageKind::read, WorkerPhase::running);
    state.log_acked = 0;
    auto next = step(state, Exited{Outcome::succeeded}, kNow);
    CHECK(outcome(next) == "f:l");
    CHECK(next.state.outcome == Outcome::succeeded);
    next = step(next.state, LogAnswered{1}, kNow);
    CHECK(outcome(next) == "f:l");
    next = step(next.state, LogAnswered{2}, kNow);
    CHECK(outcome(next) == "f:E");
    next = step(next.state, LogAnswered{0}, kNow); // the answer to an end that came before the log
    CHECK(outcome(next) == "f:l");
    CHECK(next.state.log_acked == 0);
    CHECK(step(next.state, LogAnswered{99}, kNow).state.log_acked == 2);
}

TEST_CASE("a vanished container is a lost end, a failed preparation the end that it was given")
{
    CHECK(
        step(stage(StageKind::write, WorkerPhase::running), Restarted{SlotFound::absent}, kNow).state.outcome
        == Outcome::lost);
    CHECK(
        step(stage(StageKind::read, WorkerPhase::accepted), PrepareFailed{Outcome::lost}, kNow).state.outcome
        == Outcome::lost);
}

TEST_CASE("a contact says that a stage may have begun from the run frame on")
{
    std::string may;
    for (const auto phase : kPhases)
        may += may_have_started(stage(StageKind::read, phase)) ? 'y' : 'n';
    CHECK(may == "nnnyynn");
}
