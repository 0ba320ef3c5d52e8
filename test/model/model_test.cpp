#include "test/model/checker.h"
#include "test/support/seed.h"

#include <catch2/catch.hpp>

#include <cstdio>

using namespace slipway;
using namespace slipway::model;
using namespace slipway::protocol;

namespace {

constexpr Settings kRead{.kind = StageKind::read};
constexpr Settings kWrite{.kind = StageKind::write};
constexpr Settings kReadBack{.kind = StageKind::read, .faults = 1, .store_goes_back = true};
constexpr Settings kWriteBack{.kind = StageKind::write, .faults = 1, .store_goes_back = true};
// Deep ways are found from a container that runs, without faults of the other kinds.
constexpr Settings kReadRunning{.kind = StageKind::read, .faults = 0, .head_start = kRunning};
constexpr Settings kWriteBackRunning{
    .kind = StageKind::write, .faults = 0, .store_goes_back = true, .head_start = kRunning};
constexpr Settings kWriteRunning{.kind = StageKind::write, .faults = 1, .head_start = kRunning};
constexpr std::size_t kDepth = 16;
constexpr std::size_t kDepthRunning = 12;

void print(const char* what, const Report& report)
{
    std::printf("%s: %zu states, depth %zu%s, %.2f s\n", what, report.states, report.depth,
        report.complete ? " (all)" : "", report.seconds);
    for (std::size_t i = 0; !report.broken.empty() && i < report.trace.size(); ++i)
        std::printf("  %2zu %s\n", i + 1, report.trace[i].c_str());
}

void check_holds(const char* what, const Settings& settings)
{
    const Report report = explore(settings, {}, {.depth = settings.head_start == 0 ? kDepth : kDepthRunning});
    print(what, report);
    CHECK(report.broken == "");
    CHECK(report.states > 10'000);
}

/// The shortest way on which `mutant` breaks `promise`, printed.
void check_caught(const Core& mutant, const Settings& settings, std::string_view promise)
{
    const Report report = explore(settings, mutant, {.states = 2'000'000});
    print(report.broken.c_str(), report);
    CHECK(report.broken.substr(0, 2) == promise);
    CHECK_FALSE(report.trace.empty());
}

template <class E> const E* as(const server::Event& event) { return std::get_if<E>(&event); }

template <class E> const E* as(const worker::Event& event) { return std::get_if<E>(&event); }

using ServerStep = server::Step;

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

TEST_CASE("the model catches: a stage granted again after it has started", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        ServerStage as_read = state;
        if (as<server::Tick>(event))
            as_read.kind = StageKind::read;
        auto step = server::step(as_read, event, now, terms);
        step.state.kind = state.kind;
        return step;
    };
    check_caught({.server = mutant}, kWriteRunning, "I2");
}

TEST_CASE("the model catches: a stage granted again while its lease runs", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        if (as<server::DeclareLost>(event)) {
            auto step = server::step(state, event, now, terms);
            step.state.until = now;
            return step;
        }
        return server::step(state, event, now, terms);
    };
    check_caught({.server = mutant}, kRead, "I7");
}

TEST_CASE("the model catches: an accept that ignores the fence", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        ServerStage yours = state;
        if (const auto* accept = as<server::Accept>(event); accept && state.phase == ServerPhase::started) {
            yours.phase = ServerPhase::offered;
            yours.holder = accept->worker;
            yours.fence = accept->fence;
        }
        return server::step(yours, event, now, terms);
    };
    check_caught({.server = mutant}, kRead, "I7");
}

TEST_CASE("the model catches: a renewal that ignores the fence", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        ServerStage yours = state;
        if (const auto* renew = as<server::Renew>(event); renew && state.phase == ServerPhase::started) {
            yours.holder = renew->worker;
            yours.fence = renew->fence;
        }
        return server::step(yours, event, now, terms);
    };
    check_caught({.server = mutant}, {.kind = StageKind::read, .faults = 1, .head_start = kAccepted}, "I7");
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

TEST_CASE("the model catches: a fence from the future that is ignored", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        const auto fence_of = [](const auto& concrete) {
            if constexpr (requires { concrete.fence; })
                return concrete.fence;
            else
                return Fence{};
        };
        if (std::visit(fence_of, event) > state.fence)
            return {.state = state};
        return server::step(state, event, now, terms);
    };
    check_caught({.server = mutant}, kWriteBackRunning, "I3");
}

TEST_CASE("the model catches: a restored store that holds nothing", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        auto step = server::step(state, event, now, terms);
        if (as<server::StoreRestored>(event))
            step.state.held = state.held;
        return step;
    };
    check_caught({.server = mutant}, kWriteBack, "I2");
}

TEST_CASE("the model catches: a restored store that lets an accepted stage begin", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        ServerStage free = state;
        if (as<server::Started>(event))
            free.held = false;
        auto step = server::step(free, event, now, terms);
        step.state.held = step.state.held || state.held;
        return step;
    };
    check_caught({.server = mutant}, kWriteBack, "I2");
}

TEST_CASE("the model catches: a restored store that grants a read stage at once", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        auto step = server::step(state, event, now, terms);
        if (as<server::StoreRestored>(event))
            step.state.until = state.until;
        return step;
    };
    check_caught({.server = mutant}, kReadBack, "I1");
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
    check_caught({.worker = mutant}, kRead, "I7");
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

TEST_CASE("the model catches: a log chunk that is stored twice", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        if (const auto* chunk = as<server::AppendLog>(event))
            return server::step(state,
                server::AppendLog{chunk->worker, chunk->fence, state.log_end, chunk->length}, now, terms);
        return server::step(state, event, now, terms);
    };
    check_caught({.server = mutant}, kWrite, "I3");
}

TEST_CASE("the model catches: a cancelled stage that waits for ever", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        auto step = server::step(state, event, now, terms);
        if (as<server::Tick>(event) && step.state.phase == ServerPhase::finished)
            step.state.phase = state.phase == ServerPhase::finished ? state.phase : ServerPhase::waiting;
        return step;
    };
    check_caught({.server = mutant}, kRead, "I6");
}
