#include "test/model/expectations.h"
#include "test/support/seed.h"

using namespace slipway;
using namespace slipway::model;
using namespace slipway::protocol;

namespace {

constexpr std::size_t kDepth = 16;
constexpr std::size_t kDepthRunning = 12;

void check_holds(const char* what, const Settings& settings)
{
    const Limits limits{.depth = settings.head_start == 0 ? kDepth : kDepthRunning};
    const Report report = explore(settings, {}, limits);
    print(what, report);
    CHECK(report.broken == "");
    CHECK((report.complete || report.depth == limits.depth));
    CHECK(report.states < limits.states);
    CHECK(report.states > 10'000);
}

} // namespace

TEST_CASE("a read stage keeps every promise in every order of events", "[model]")
{
    check_holds("read", kRead);
}

TEST_CASE("a write stage keeps every promise in every order of events", "[model]")
{
    check_holds("write", kWrite);
}

TEST_CASE("a read stage keeps every promise when the store goes back", "[model]")
{
    check_holds("read, store goes back", kReadBack);
}

TEST_CASE("a write stage keeps every promise when the store goes back", "[model]")
{
    check_holds("write, store goes back", kWriteBack);
}

TEST_CASE("a stage that runs keeps every promise in every order of events", "[model]")
{
    for (auto settings : {kRead, kWrite, kReadBack, kWriteBack}) {
        settings.head_start = kRunning;
        check_holds("running", settings);
    }
}

TEST_CASE("a launcher that dies twice and is told to leave keeps every promise", "[model]")
{
    for (const auto kind : {StageKind::read, StageKind::write}) {
        auto settings = kTwoLives;
        settings.kind = kind;
        check_holds("two lives", settings);
    }
}

TEST_CASE("one grant with two bytes of log keeps every promise in all states there are", "[model]")
{
    for (const auto kind : {StageKind::read, StageKind::write}) {
        const Report report = explore({.kind = kind, .grants = 1, .log_bytes = 2, .faults = 0}, {}, {});
        print("one grant", report);
        CHECK(report.broken == "");
        CHECK(report.complete);
    }
}

TEST_CASE("long random ways with many faults keep every promise", "[model]")
{
    for (const auto kind : {StageKind::read, StageKind::write}) {
        for (const bool back : {false, true}) {
            const Settings settings{
                .kind = kind, .grants = 3, .log_bytes = 2, .faults = 6, .store_goes_back = back};
            const Report report = wander(settings, {}, 10'000, {.depth = 150}, slipway::test::seed());
            print("random ways", report);
            CHECK(report.broken == "");
        }
    }
}

TEST_CASE("the model catches: a container lease longer than the grant", "[model]")
{
    constexpr auto mutant
        = [](const WorkerStage& state, const worker::Event& event, Millis now) -> WorkerStage {
        auto next = worker::step(state, event, now);
        if (as<worker::Renewed>(event))
            next.lease_until += 3;
        return next;
    };
    check_caught({.worker = mutant}, kReadRunning, "I1");
}

TEST_CASE("the model catches: a lease that counts from the answer", "[model]")
{
    constexpr auto mutant
        = [](const WorkerStage& state, const worker::Event& event, Millis now) -> WorkerStage {
        if (const auto* answered = as<worker::StartedAnswered>(event))
            return worker::step(state, worker::StartedAnswered{now, answered->lease}, now);
        return worker::step(state, event, now);
    };
    check_caught({.worker = mutant}, kRead, "I7");
}

TEST_CASE("the model catches: an end that is reported and taken before the whole log", "[model]")
{
    constexpr auto server_mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                       const Terms& terms) -> ServerStep {
        if (const auto* finish = as<server::Finish>(event))
            return server::step(state,
                server::Finish{finish->worker, finish->fence, finish->outcome, state.log_end}, now, terms);
        return server::step(state, event, now, terms);
    };
    constexpr auto next_mutant = [](const WorkerStage& state) noexcept -> worker::Action {
        return state.phase == WorkerPhase::finished ? worker::Action::send_finished : worker::next(state);
    };
    check_caught({.server = server_mutant, .next = next_mutant}, kWriteRunning, "I3");
}

TEST_CASE("the model catches: a lost container that is reported as a success", "[model]")
{
    constexpr auto mutant
        = [](const WorkerStage& state, const worker::Event& event, Millis now) -> WorkerStage {
        auto next = worker::step(state, event, now);
        if (as<worker::Restarted>(event) && next.phase == WorkerPhase::finished)
            next.outcome = Outcome::succeeded;
        return next;
    };
    check_caught({.worker = mutant}, kWriteRunning, "I12");
}

TEST_CASE("the model catches: a run frame before the answer to started", "[model]")
{
    constexpr auto mutant
        = [](const WorkerStage& state, const worker::Event& event, Millis now) -> WorkerStage {
        auto next = worker::step(state, event, now);
        if (as<worker::Prepared>(event) && next.phase == WorkerPhase::starting) {
            next.phase = WorkerPhase::running;
            next.frame_until = next.lease_until + 1;
        }
        return next;
    };
    check_caught({.worker = mutant}, {.kind = StageKind::read, .faults = 0}, "I7");
}

TEST_CASE("the model catches: a stage forgotten before its end is acknowledged", "[model]")
{
    constexpr auto mutant
        = [](const WorkerStage& state, const worker::Event& event, Millis now) -> WorkerStage {
        auto next = worker::step(state, event, now);
        if (worker::next(next) == worker::Action::send_finished)
            next.phase = WorkerPhase::done;
        return next;
    };
    check_caught({.worker = mutant}, kWrite, "I5");
}

TEST_CASE("the model catches: a restart that prepares a stage again which has begun", "[model]")
{
    constexpr auto mutant
        = [](const WorkerStage& state, const worker::Event& event, Millis now) -> WorkerStage {
        auto next = worker::step(state, event, now);
        if (as<worker::Restarted>(event) && next.phase == WorkerPhase::running)
            next.phase = WorkerPhase::accepted;
        return next;
    };
    check_caught({.worker = mutant}, kWrite, "I1");
}

TEST_CASE("the model catches: a run frame that waits longer than the lease it came with", "[model]")
{
    constexpr auto mutant
        = [](const WorkerStage& state, const worker::Event& event, Millis now) -> WorkerStage {
        auto next = worker::step(state, event, now);
        if (as<worker::StartedAnswered>(event) && next.phase == WorkerPhase::running)
            next.frame_until += 10;
        return next;
    };
    check_caught({.worker = mutant}, kRead, "I7");
    check_caught({.worker = mutant}, {.kind = StageKind::write, .faults = 0, .head_start = kConfirmed}, "I8");
}

TEST_CASE("the model catches: a renewal that lets a run frame wait longer", "[model]")
{
    constexpr auto mutant
        = [](const WorkerStage& state, const worker::Event& event, Millis now) -> WorkerStage {
        auto next = worker::step(state, event, now);
        if (as<worker::Renewed>(event) && next.frame_until != 0)
            next.frame_until = next.lease_until;
        return next;
    };
    check_caught({.worker = mutant}, {.kind = StageKind::write, .faults = 1, .head_start = kConfirmed}, "I8");
}

TEST_CASE("the model catches: a stage given back that stands as started", "[model]")
{
    constexpr auto mutant
        = [](const WorkerStage& state, const worker::Event& event, Millis now) -> WorkerStage {
        auto next = worker::step(state, event, now);
        if (next.phase == WorkerPhase::accepted)
            next.may_be_started = false;
        return next;
    };
    check_caught({.worker = mutant}, kTwoLives, "I14");
}

TEST_CASE("the model catches: a log counted as acknowledged beyond what is durable", "[model]")
{
    constexpr auto mutant
        = [](const WorkerStage& state, const worker::Event& event, Millis now) -> WorkerStage {
        if (const auto* answered = as<worker::LogAnswered>(event))
            return worker::step(state, worker::LogAnswered{answered->expected + 1}, now);
        return worker::step(state, event, now);
    };
    check_caught({.worker = mutant}, {.kind = StageKind::write, .log_bytes = 2}, "I6");
}

TEST_CASE("the model catches: a log that waits for bytes which went with the host", "[model]")
{
    constexpr auto mutant
        = [](const WorkerStage& state, const worker::Event& event, Millis now) -> WorkerStage {
        return as<worker::LogCut>(event) ? state : worker::step(state, event, now);
    };
    check_caught({.worker = mutant}, kWriteRunning, "I6");
}
