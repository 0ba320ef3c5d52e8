#include "test/model/expectations.h"

using namespace slipway;
using namespace slipway::model;
using namespace slipway::protocol;

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
    check_caught({.server = mutant}, kWriteBackRunning, "I10");
}

TEST_CASE("the model catches: a grant that keeps the old fence", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        auto step = server::step(state, event, now, terms);
        if (as<server::Grant>(event) && state.fence.number > 0)
            step.state.fence = state.fence;
        return step;
    };
    check_caught({.server = mutant}, kRead, "I9");
}

TEST_CASE("the model catches: a grant that ignores the epoch", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        if (const auto* grant = as<server::Grant>(event))
            return server::step(state, server::Grant{grant->worker, 1}, now, terms);
        return server::step(state, event, now, terms);
    };
    check_caught({.server = mutant}, kReadBack, "I9");
}

TEST_CASE("the model catches: a grant from the future that is sent away", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        const auto step = server::step(state, event, now, terms);
        return step.alarm ? ServerStep{.state = state, .verdict = server::Verdict::gone, .alarm = true}
                          : step;
    };
    check_caught({.server = mutant}, kWriteBackRunning, "I10");
}

TEST_CASE("the model catches: an adopted grant that is not held", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        auto step = server::step(state, event, now, terms);
        step.state.held = step.state.held && !step.alarm;
        return step;
    };
    check_caught({.server = mutant}, kWriteBackRunning, "I10");
}

TEST_CASE("the model catches: a store that went back and says nothing", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        auto step = server::step(state, event, now, terms);
        step.alarm = false;
        return step;
    };
    check_caught({.server = mutant}, kWriteBackRunning, "I10");
}

TEST_CASE("the model catches: a lost write stage that may begin", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        auto step = server::step(state, event, now, terms);
        if (as<server::Started>(event) && state.phase == ServerPhase::lost)
            step.verdict = server::Verdict::ok;
        return step;
    };
    check_caught({.server = mutant}, {.kind = StageKind::write, .faults = 2, .head_start = kAccepted}, "I11");
}

TEST_CASE("the model catches: a cancelled stage that begins", "[model]")
{
    constexpr auto mutant = [](const ServerStage& state, const server::Event& event, Millis now,
                                const Terms& terms) -> ServerStep {
        ServerStage unasked = state;
        if (as<server::Started>(event))
            unasked.stop_requested = false;
        auto step = server::step(unasked, event, now, terms);
        step.state.stop_requested = state.stop_requested;
        return step;
    };
    check_caught({.server = mutant}, {.kind = StageKind::write, .faults = 1, .head_start = kAccepted}, "I13");
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
