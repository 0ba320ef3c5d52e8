#include "common/protocol/server_core.h"

#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <vector>

using namespace slipway::protocol;
using namespace slipway::protocol::server;

namespace {

constexpr Millis kNow = 1'000'000;
constexpr Terms kTerms;
constexpr Fence kOld{1, 2};
constexpr Fence kCurrent{1, 3};
constexpr Fence kFuture{1, 4};
constexpr std::array kPhases{ServerPhase::waiting, ServerPhase::offered, ServerPhase::accepted,
    ServerPhase::started, ServerPhase::finished, ServerPhase::lost};

/// A stage whose newest grant is A's, with five bytes of log; its offer, lease or run limit is not over.
ServerStage stage(StageKind kind, ServerPhase phase)
{
    ServerStage s{.kind = kind, .phase = phase, .fence = kCurrent, .holder = "A"};
    s.until = phase == ServerPhase::waiting ? kNow : kNow + 10;
    s.run_limit = 60'000;
    s.log_end = 5;
    return s;
}

/// "kf": verdict (ok, gone, not yet, refused) and phase (waiting, offered, accepted, started, finished,
/// lost).
std::string outcome(const Step& step)
{
    return {
        "kgnr"[static_cast<std::size_t>(step.verdict)], "woasfl"[static_cast<std::size_t>(step.state.phase)]};
}

std::string row(StageKind kind, const Event& event, Millis now = kNow, bool held = false)
{
    std::string text;
    for (const auto phase : kPhases) {
        auto before = stage(kind, phase);
        before.held = held;
        const auto after = step(before, event, now, kTerms);
        if (after.verdict != Verdict::ok)
            CHECK((after.state == before || after.alarm));
        text += (text.empty() ? "" : " ") + outcome(after);
    }
    return text;
}

struct Row {
    const char* name;
    Event event;
    const char* write; ///< For each phase: waiting offered accepted started finished lost.
    const char* read; ///< Empty: as `write`.
    Millis now = kNow;
};

void check(const std::vector<Row>& table, bool held = false)
{
    for (const auto& line : table) {
        INFO(line.name);
        CHECK(row(StageKind::write, line.event, line.now, held) == line.write);
        CHECK(row(StageKind::read, line.event, line.now, held) == (*line.read ? line.read : line.write));
    }
}

} // namespace

TEST_CASE("each event has its verdict in each phase, for the holder of the newest grant")
{
    check({
        {"grant", Grant{"B", 1}, "ko ro ra rs rf rl", ""},
        {"accept", Accept{"A", kCurrent, 1}, "gw ka ka ks gf gl", ""},
        {"decline", Decline{"A", kCurrent}, "gw kw kw gs gf gl", ""},
        {"withdraw", Withdraw{}, "rw kw ra rs rf rl", ""},
        {"started", Started{"A", kCurrent}, "gw go ks ks gf gl", ""},
        {"renew", Renew{"A", kCurrent, false}, "gw go ka ks gf kl", ""},
        {"renew, started", Renew{"A", kCurrent, true}, "gw go ks ks gf kl", ""},
        {"log, new", AppendLog{"A", kCurrent, 5, 1}, "gw go ka ks gf kl", ""},
        {"log, known", AppendLog{"A", kCurrent, 0, 5}, "gw go ka ks kf kl", ""},
        {"log, ahead", AppendLog{"A", kCurrent, 6, 1}, "gw go na ns nf nl", ""},
        {"finish", Finish{"A", kCurrent, Outcome::succeeded, 5}, "gw go kf kf kf kl", ""},
        {"finish, log short", Finish{"A", kCurrent, Outcome::succeeded, 6}, "gw go na ns gf nl", ""},
        {"finish, lost", Finish{"A", kCurrent, Outcome::lost, 5}, "gw go kl kl kf kl", "gw go kw kw kf kl"},
        {"tick before", Tick{}, "kw ko ka ks kf kl", ""},
        {"tick after", Tick{}, "kw kw kw kl kf kl", "kw kw kw kw kf kl", kNow + 10},
        {"host restarted", HostRestarted{"A"}, "rw kw kw kl rf rl", "rw kw kw kw rf rl"},
        {"host of another", HostRestarted{"B"}, "rw ro ra rs rf rl", ""},
        {"declared lost", DeclareLost{}, "rw kw kw kl rf rl", "rw kw kw kw rf rl"},
        {"cancel", Cancel{}, "kf kf ka ks rf rl", ""},
        {"restored", StoreRestored{}, "kw kw ka ks kf kl", "kw kw kw kw kf kl"},
        {"release", Release{}, "rw ro ra rs rf rl", ""},
    });
}

TEST_CASE("an older grant and the same number in another hand are gone in each phase")
{
    constexpr auto gone = "gw go ga gs gf gl";
    for (const auto& [worker, fence] : {std::pair{"A", kOld}, std::pair{"B", kCurrent}}) {
        check({
            {"accept", Accept{worker, fence, 1}, gone, ""},
            {"decline", Decline{worker, fence}, gone, ""},
            {"started", Started{worker, fence}, gone, ""},
            {"renew", Renew{worker, fence, true}, gone, ""},
            {"log", AppendLog{worker, fence, 5, 1}, gone, ""},
            {"finish", Finish{worker, fence, Outcome::succeeded, 5}, gone, ""},
        });
    }
}

TEST_CASE("what an offer names is for the worker that has the newest offer, and only while it is one")
{
    for (const auto phase : kPhases) {
        const auto offered = stage(StageKind::write, phase);
        CHECK(is_offered_to(offered, "A", kCurrent) == (phase == ServerPhase::offered));
        CHECK_FALSE(is_offered_to(offered, "B", kCurrent));
        CHECK_FALSE(is_offered_to(offered, "A", {kCurrent.epoch, kCurrent.number - 1}));
        CHECK_FALSE(is_offered_to(offered, "A", {kCurrent.epoch, kCurrent.number + 1}));
        CHECK_FALSE(is_offered_to(offered, "A", {kCurrent.epoch + 1, 1}));
    }
}

TEST_CASE("a grant from the future is adopted unless the stage is over, and nothing begins under it")
{
    check({
        {"accept", Accept{"B", kFuture, 1}, "ka ka ka ka gf gl", ""},
        {"decline", Decline{"B", kFuture}, "gw go ga gs gf gl", ""},
        {"started", Started{"B", kFuture}, "gw go ga gs gf gl", ""},
        {"renew", Renew{"B", kFuture, false}, "ka ka ka ka gf gl", ""},
        {"renew, started", Renew{"B", kFuture, true}, "ks ks ks ks gf gl", ""},
        {"log from its start", AppendLog{"B", kFuture, 0, 9}, "ka ka ka ka gf gl", ""},
        {"log from further on", AppendLog{"B", kFuture, 5, 1}, "na na na na gf gl", ""},
        {"finish without a log", Finish{"B", kFuture, Outcome::succeeded, 0}, "kf kf kf kf gf gl", ""},
        {"finish with a log", Finish{"B", kFuture, Outcome::succeeded, 5}, "na na na na gf gl", ""},
    });
    const auto adopted
        = step(stage(StageKind::write, ServerPhase::waiting), Renew{"B", kFuture, true}, kNow, kTerms);
    CHECK(adopted.alarm);
    CHECK(adopted.state.held);
    CHECK(adopted.state.holder == "B");
    CHECK(adopted.state.fence == kFuture);
    CHECK(adopted.state.log_end == 0);
}

TEST_CASE("a fence that no control plane can have made changes nothing")
{
    constexpr std::uint32_t last = UINT32_MAX;
    for (const Fence absurd :
        {Fence{1, last}, Fence{1002, 1}, Fence{0x7FFFFFFF, last}, Fence{0x7FFFFFFF, 1}}) {
        check({
            {"accept", Accept{"B", absurd, 1}, "rw ro ra rs rf rl", ""},
            {"started", Started{"B", absurd}, "rw ro ra rs rf gl", ""},
            {"renew, started", Renew{"B", absurd, true}, "rw ro ra rs rf rl", ""},
            {"log", AppendLog{"B", absurd, 0, 9}, "rw ro ra rs rf rl", ""},
            {"finish", Finish{"B", absurd, Outcome::succeeded, 0}, "rw ro ra rs rf rl", ""},
        });
    }
    CHECK(
        step(stage(StageKind::read, ServerPhase::waiting), Renew{"B", {1001, 1}, true}, kNow, kTerms).alarm);
}

TEST_CASE("a fence whose number is used up goes on in the next epoch")
{
    auto state = stage(StageKind::read, ServerPhase::waiting);
    state.fence = {1, UINT32_MAX - 1};
    const auto next = step(state, Grant{"B", 1}, kNow, kTerms).state;
    CHECK(next.fence == Fence{2, 1});
    CHECK(next.fence > state.fence);
}

TEST_CASE("a stage that the store does not know is kept when a restore has forgotten it")
{
    CHECK(unknown_stage({1, 1}, 1) == Verdict::gone);
    CHECK(unknown_stage({1, 1}, 2) == Verdict::ok);
    CHECK(unknown_stage({3, 1}, 2) == Verdict::ok);
    CHECK(unknown_stage({2000, 1}, 2) == Verdict::gone);
    CHECK(unknown_stage({1, UINT32_MAX}, 2) == Verdict::gone);
}

TEST_CASE("a held stage is neither granted nor begun, what has begun goes on")
{
    check(
        {
            {"grant", Grant{"B", 2}, "rw ro ra rs rf rl", ""},
            {"started", Started{"A", kCurrent}, "gw go ga ks gf gl", "gw go ga gs gf gl"},
            // A write stage whose lease is over is taken back by its holder: the lost history may hold its
            // start.
            {"renew, started", Renew{"A", kCurrent, true}, "ks go ks ks gf kl", "gw go ks ks gf kl"},
            {"finish", Finish{"A", kCurrent, Outcome::succeeded, 5}, "kf go kf kf kf kl",
                "gw go kf kf kf kl"},
            {"release", Release{}, "kw ro ra rs kf kl", ""},
        },
        true);
}

TEST_CASE("a grant takes the next number, the first of a new epoch, and a new log")
{
    const auto next = step(stage(StageKind::read, ServerPhase::waiting), Grant{"B", 1}, kNow, kTerms).state;
    CHECK(next.fence == kFuture);
    CHECK(next.holder == "B");
    CHECK(next.log_end == 0);
    CHECK(next.run_limit == 0);
    CHECK(next.until == kNow + kTerms.offer);
    CHECK(step(stage(StageKind::read, ServerPhase::waiting), Grant{"B", 7}, kNow, kTerms).state.fence
        == Fence{7, 1});
    CHECK(step(stage(StageKind::read, ServerPhase::waiting), Grant{"B", 1}, kNow - 1, kTerms).verdict
        == Verdict::refused);
}

TEST_CASE("leases and run limits count from the answer, with the margin")
{
    const Millis lease = kNow + kTerms.lease + kTerms.margin;
    const auto until = [](StageKind kind, ServerPhase phase, const Event& event) {
        return step(stage(kind, phase), event, kNow, kTerms).state.until;
    };
    for (const auto kind : {StageKind::read, StageKind::write}) {
        CHECK(until(kind, ServerPhase::offered, Accept{"A", kCurrent, 1}) == lease);
        CHECK(until(kind, ServerPhase::accepted, Renew{"A", kCurrent, false}) == lease);
    }
    CHECK(until(StageKind::read, ServerPhase::accepted, Started{"A", kCurrent}) == lease);
    CHECK(until(StageKind::read, ServerPhase::started, Renew{"A", kCurrent, true}) == lease);
    CHECK(until(StageKind::write, ServerPhase::accepted, Started{"A", kCurrent})
        == kNow + 60'000 + kTerms.margin);
    CHECK(until(StageKind::write, ServerPhase::started, Renew{"A", kCurrent, true}) == kNow + 10);
    CHECK(until(StageKind::read, ServerPhase::started, DeclareLost{}) == kNow + 10);
}

TEST_CASE("renewals in quick succession change nothing, and no lease ends before its worker thinks so")
{
    const auto accepted
        = step(stage(StageKind::read, ServerPhase::offered), Accept{"A", kCurrent, 1}, kNow, kTerms).state;
    CHECK(step(accepted, Renew{"A", kCurrent, false}, kNow + 1, kTerms).state == accepted);
    auto state = accepted;
    int changes = 0;
    for (Millis now = kNow; now < kNow + 2 * kTerms.lease; now += 7) {
        const auto next = step(state, Renew{"A", kCurrent, false}, now, kTerms);
        REQUIRE(next.verdict == Verdict::ok);
        changes += next.state == state ? 0 : 1;
        state = next.state;
        // The worker counts from the moment it sent the call; the margin is for its clock.
        REQUIRE(state.until >= now + kTerms.lease + kTerms.margin / 2);
    }
    CHECK(changes < 2 * kTerms.lease / 7 / 10);
}

TEST_CASE("an adopted write stage lives by its contacts, since its run limit is not known")
{
    const Millis lease = kTerms.lease + kTerms.margin;
    auto state
        = step(stage(StageKind::write, ServerPhase::waiting), Renew{"B", kFuture, true}, kNow, kTerms).state;
    CHECK(state.until == kNow + lease);
    state = step(state, Renew{"B", kFuture, true}, kNow + 60'000, kTerms).state;
    CHECK(state.until == kNow + 60'000 + lease);
}

TEST_CASE("a log is known by its offsets")
{
    const auto before = stage(StageKind::read, ServerPhase::started);
    const auto append = [&](std::uint64_t offset, std::uint64_t length) {
        return step(before, AppendLog{"A", kCurrent, offset, length}, kNow, kTerms);
    };
    CHECK(append(5, 3).skip == 0);
    CHECK(append(5, 3).state.log_end == 8);
    CHECK(append(3, 4).skip == 2);
    CHECK(append(3, 4).state.log_end == 7);
    CHECK(append(1, 2).skip == 2);
    CHECK(append(1, 2).state.log_end == 5);
    CHECK(append(5, 0).state.log_end == 5);
    CHECK(append(6, 1).verdict == Verdict::not_yet);
    CHECK(append(UINT64_MAX, 0).verdict == Verdict::not_yet);
    CHECK(append(2, UINT64_MAX).verdict == Verdict::refused);
}

TEST_CASE("a cancelled stage ends as soon as nobody holds it")
{
    for (const auto kind : {StageKind::read, StageKind::write}) {
        const auto cancelled = step(stage(kind, ServerPhase::accepted), Cancel{}, kNow, kTerms).state;
        CHECK(cancelled.stop_requested);
        for (const Event& event :
            {Event{Decline{"A", kCurrent}}, Event{HostRestarted{"A"}}, Event{DeclareLost{}}}) {
            const auto after = step(cancelled, event, kNow, kTerms).state;
            CHECK(after.phase == ServerPhase::finished);
            CHECK(after.outcome == Outcome::failed);
        }
        CHECK(step(cancelled, Tick{}, cancelled.until, kTerms).state.phase == ServerPhase::finished);
        const auto begun = step(cancelled, Started{"A", kCurrent}, kNow, kTerms);
        CHECK(begun.verdict == Verdict::gone);
        CHECK(begun.state.phase == ServerPhase::finished);
        CHECK(begun.state.outcome == Outcome::failed);
    }
}

TEST_CASE("after a restore a read stage waits as long as a lease that the backup does not know")
{
    const Millis quiet = kNow + kTerms.lease + kTerms.margin;
    for (const auto phase :
        {ServerPhase::waiting, ServerPhase::offered, ServerPhase::accepted, ServerPhase::started}) {
        const auto read = step(stage(StageKind::read, phase), StoreRestored{}, kNow, kTerms).state;
        CHECK(read.until == quiet);
        CHECK_FALSE(read.held);
        CHECK(step(read, Grant{"B", 2}, quiet - 1, kTerms).verdict == Verdict::refused);
        CHECK(step(read, Grant{"B", 2}, quiet, kTerms).state.fence == Fence{2, 1});
        CHECK(step(stage(StageKind::write, phase), StoreRestored{}, kNow, kTerms).state.held);
    }
    // An adopted one that is given back waits no shorter, whoever releases it.
    auto adopted
        = step(stage(StageKind::read, ServerPhase::waiting), Renew{"B", kFuture, true}, kNow, kTerms).state;
    adopted = step(adopted, Finish{"B", kFuture, Outcome::lost, 0}, kNow + 1, kTerms).state;
    CHECK(adopted.phase == ServerPhase::waiting);
    adopted = step(adopted, Release{}, kNow + 2, kTerms).state;
    CHECK(step(adopted, Grant{"A", 2}, quiet - 1, kTerms).verdict == Verdict::refused);
}

TEST_CASE("the end that was recorded is the one that is acknowledged again")
{
    auto state = stage(StageKind::write, ServerPhase::finished);
    CHECK(step(state, Finish{"A", kCurrent, Outcome::failed, 5}, kNow, kTerms).verdict == Verdict::ok);
    CHECK(step(state, Finish{"A", kCurrent, Outcome::failed, 7}, kNow, kTerms).verdict == Verdict::gone);
    state.phase = ServerPhase::lost;
    CHECK(step(state, Finish{"A", kCurrent, Outcome::succeeded, 5}, kNow, kTerms).state.phase
        == ServerPhase::lost);
}

TEST_CASE("a fence is one integer below 2^63 and back, in the same order")
{
    const std::array fences{
        Fence{0, 1}, Fence{1, 0}, Fence{1, 7}, Fence{2, 0}, Fence{0x7FFFFFFF, 0xFFFFFFFF}};
    for (std::size_t i = 0; i < fences.size(); ++i) {
        CHECK(fences[i].to_integer() > 0);
        CHECK(Fence::from_integer(fences[i].to_integer()) == fences[i]);
        if (i > 0)
            CHECK(fences[i].to_integer() > fences[i - 1].to_integer());
    }
}
