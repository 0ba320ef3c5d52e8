#include "test/model/mover.h"

#include <utility>
#include <variant>

namespace slipway::model {

/// The store keeps the new state before anyone hears of it.
server::Step Mover::serve(const server::Event& event)
{
    const auto step = core_.server(load(w_.server, settings_.kind), event, kNow, kTerms);
    if (std::holds_alternative<server::Grant>(event) && step.verdict == server::Verdict::ok && w_.ended
        && !w_.restored)
        fail("I4: an acknowledged end is never granted again");
    const Fence last = unpack(w_.server.fence);
    if (std::holds_alternative<server::Grant>(event) && step.verdict == server::Verdict::ok
        && (step.state.fence <= last || step.state.fence.epoch < w_.epoch))
        fail("I9: a fence grows with each grant and is of the store's epoch");
    if (std::holds_alternative<server::Cancel>(event) && phase(w_.server) == ServerPhase::accepted
        && !w_.restored)
        w_.cancelled = w_.server.fence;
    w_.server = store(step.state);
    return step;
}

/// What a call about a grant may be answered.
void Mover::check_answer(const Message& m, const Stored& before, const server::Step& step)
{
    const bool ended = phase(before) >= ServerPhase::finished;
    const bool future = m.fence > before.fence && !ended && m.kind != Kind::decline;
    const bool forgotten = before.held != 0 && phase(before) == ServerPhase::waiting;
    if (future != step.alarm && !(forgotten && m.fence == before.fence))
        fail("I10: an alarm is given if, and only if, a grant comes from the future");
    const bool begins = m.kind == Kind::started;
    if (future && !begins && (step.verdict == server::Verdict::gone || !step.state.held))
        fail("I10: a grant from the future goes on and is held");
    if (begins && step.verdict == server::Verdict::ok && step.state.phase != ServerPhase::started)
        fail("I11: nothing begins that is not written down as begun");
    const auto& l = at(m.who);
    const bool runs = l.has_journal && l.fence == m.fence && l.slot == Slot::running;
    if (settings_.kind == StageKind::write && runs && step.verdict == server::Verdict::gone
        && m.fence >= before.fence && !ended && before.stop == 0 && !begins)
        fail("I10: what runs is sent away only for a newer grant or when it is over");
    if (m.kind == Kind::finish && step.verdict == server::Verdict::ok && l.has_journal && l.fence == m.fence
        && static_cast<Outcome>(m.a) == Outcome::succeeded
        && static_cast<Outcome>(l.slot_outcome) != Outcome::succeeded)
        fail("I12: an end that is acknowledged as good is the container's");
}

void Mover::send(Message m)
{
    if (w_.net[0].kind != Kind::none)
        return; // no room: lost
    w_.net[0] = m;
    std::ranges::sort(w_.net);
}

void Mover::remove(Byte place)
{
    w_.net[place] = {};
    std::ranges::sort(w_.net);
}

/// A request arrives at the control plane; its effect and the answer.
void Mover::handle(const Message& m)
{
    const std::string worker = kNames[m.who + 1U];
    const Fence fence = unpack(m.fence);
    const Stored before = w_.server;
    Message answer{.kind = Kind::none, .who = m.who, .fence = m.fence, .age = m.age, .a = 0, .b = 0};
    server::Step step;
    switch (m.kind) {
    case Kind::accept:
        step = serve(server::Accept{worker, fence, kRunLimit});
        answer.kind = Kind::accept_ok;
        break;
    case Kind::decline:
        (void)serve(server::Decline{worker, fence});
        answer.kind = Kind::given_back; // also when it was too late
        if (m.a != 0 && m.age != kOrphan)
            send(answer);
        return;
    case Kind::started:
        step = serve(server::Started{worker, fence});
        answer.kind = Kind::started_ok;
        break;
    case Kind::renew:
        step = serve(server::Renew{worker, fence, m.a != 0});
        answer.kind = Kind::renewed;
        answer.a = step.state.stop_requested;
        break;
    case Kind::log: {
        step = serve(server::AppendLog{worker, fence, m.a, m.b});
        answer.kind = Kind::log_ok;
        const std::uint64_t known = before.fence == m.fence ? before.log_end : 0;
        if (step.verdict == server::Verdict::ok && step.skip < m.b
            && (m.a + step.skip != known || step.state.log_end != m.a + std::uint64_t{m.b}))
            fail("I3: the durable log is a prefix of the true log");
        break;
    }
    case Kind::finish: {
        step = serve(server::Finish{worker, fence, static_cast<Outcome>(m.a), m.b});
        answer.kind = step.verdict == server::Verdict::ok ? Kind::finish_ok : Kind::log_ok;
        const auto& l = at(m.who);
        if (step.verdict == server::Verdict::ok && l.has_journal && l.fence == m.fence
            && w_.server.log_end != l.log_end)
            fail("I3: an acknowledged end means an acknowledged log");
        w_.ended |= step.verdict == server::Verdict::ok && phase(w_.server) >= ServerPhase::finished;
        break;
    }
    default:
        return;
    }
    check_answer(m, before, step);
    answer.b = static_cast<Byte>(step.state.log_end);
    if (step.verdict == server::Verdict::gone)
        answer.kind = Kind::gone;
    if (m.age != kOrphan)
        send(answer);
}

void Mover::take(Byte who, const WorkerStage& s)
{
    auto& l = at(who);
    l.has_journal = 1;
    l.phase = static_cast<Byte>(s.phase);
    l.fence = pack(s.fence);
    l.lease = left(s.lease_until);
    l.frame_until = left(s.frame_until);
    l.outcome = static_cast<Byte>(s.outcome);
    l.log_end = static_cast<Byte>(s.log_end);
    l.log_acked = static_cast<Byte>(s.log_acked);
    l.may_be_started = s.may_be_started;
    if (s.phase == WorkerPhase::running && l.slot == Slot::running)
        l.slot_lease = l.lease; // slot-init is told at once
}

void Mover::event(Byte who, const worker::Event& event)
{
    take(who, core_.worker(journal(at(who), settings_.kind), event, kNow));
}

void Mover::begin(const Message& offer)
{
    auto& l = at(offer.who);
    l.ran = l.end_acked = l.refused = l.produced = l.slot_outcome = l.slot_lease = 0;
    if (l.slot != Slot::absent)
        fail("I5: a forgotten stage leaves no container");
    take(offer.who, worker::begin(settings_.kind, unpack(offer.fence)));
}

void Mover::told_to_stop(Byte who)
{
    auto& l = at(who);
    if (in_net(w_, Kind::decline, who) || in_net(w_, Kind::given_back, who))
        return; // heeded when the call that gives it back is over
    if (phase(l) == WorkerPhase::accepted || phase(l) == WorkerPhase::starting) {
        event(who, worker::PrepareFailed{Outcome::failed});
    } else if (about_to_begin(l)) {
        event(who, worker::Exited{Outcome::failed});
    } else if (l.slot == Slot::running) {
        l.slot = Slot::exited;
        l.slot_outcome = static_cast<Byte>(Outcome::failed);
    }
}

/// An answer or an offer arrives at a launcher.
void Mover::receive(const Message& m)
{
    auto& l = at(m.who);
    if (!l.alive)
        return;
    if (m.kind == Kind::offer)
        return begin(m);
    if (!l.has_journal || l.fence != m.fence)
        return;
    const Millis sent = kNow - m.age;
    switch (m.kind) {
    case Kind::accept_ok:
        return event(m.who, worker::AcceptAnswered{sent, kLease});
    case Kind::started_ok:
        return event(m.who, worker::StartedAnswered{sent, kLease});
    case Kind::renewed:
        event(m.who, worker::Renewed{sent, kLease});
        if (m.a != 0)
            told_to_stop(m.who);
        return;
    case Kind::log_ok:
        return event(m.who, worker::LogAnswered{m.b});
    case Kind::finish_ok:
        l.end_acked = 1;
        return event(m.who, worker::FinishAnswered{});
    case Kind::gone:
        l.refused = 1;
        return event(m.who, worker::Refused{});
    case Kind::given_back:
        return event(m.who, worker::Refused{});
    default:
        return;
    }
}

void Mover::run_frame(Byte who)
{
    auto& l = at(who);
    const bool leased = w_.server.fence == l.fence && w_.server.until > 0;
    if (settings_.kind == StageKind::read && !w_.restored && !leased)
        fail("I7: a read frame is sent only while the server keeps its lease");
    if (settings_.kind == StageKind::write && ++w_.frames > 1)
        fail("I2: the run frame of a write stage takes effect at most once");
    if (w_.cancelled == l.fence)
        fail("I13: what was cancelled before it began does not begin");
    if (w_.given_up >= kLease)
        fail("I8: no run frame is sent a whole lease after its record was closed");
    l.slot = Slot::running;
    l.slot_lease = l.lease;
    l.ran = 1;
}

/// What the launcher's thread of the stage does.
void Mover::act(Byte who)
{
    const auto& l = at(who);
    const auto request = [&](Kind kind, Byte a = 0, Byte b = 0) { send({kind, who, l.fence, 0, a, b}); };
    if (l.leaving && leave(who))
        return;
    switch (core_.next(journal(l, settings_.kind))) {
    case worker::Action::send_accept:
        return request(Kind::accept);
    case worker::Action::prepare:
        return prepare(who);
    case worker::Action::send_started:
        return request(Kind::started);
    case worker::Action::follow:
        return follow(who);
    case worker::Action::deliver_log:
        return; // the uploader's
    case worker::Action::send_finished:
        return request(Kind::finish, l.outcome, l.log_end);
    case worker::Action::remove:
        return remove_stage(who);
    }
}

/// What has not begun is given back, or gets an end. False: it has begun.
bool Mover::leave(Byte who)
{
    const auto& l = at(who);
    if (worker::may_give_back(journal(l, settings_.kind)))
        send({Kind::decline, who, l.fence, 0, 1, 0});
    else if (phase(l) == WorkerPhase::accepted)
        event(who, worker::PrepareFailed{Outcome::lost}); // its container is gone
    else if (phase(l) == WorkerPhase::starting)
        event(who, worker::PrepareFailed{Outcome::failed});
    else
        return false;
    return true;
}

void Mover::prepare(Byte who)
{
    auto& l = at(who);
    if (l.ready)
        return event(who, worker::Prepared{});
    if (l.slot != Slot::absent && l.slot != Slot::idle)
        fail("I1: a second container for one stage");
    l.slot = Slot::idle;
    l.ready = 1;
}

/// Output and exits are moves of their own.
void Mover::follow(Byte who)
{
    const auto& l = at(who);
    if (l.slot == Slot::idle && worker::may_begin(journal(l, settings_.kind), kNow))
        return run_frame(who);
    if (l.slot == Slot::idle || l.slot == Slot::absent)
        look(who);
}

/// The container, then the journal entry.
void Mover::remove_stage(Byte who)
{
    auto& l = at(who);
    if (l.slot != Slot::absent) {
        l.slot = Slot::absent;
        return;
    }
    if (l.ran && !l.end_acked && !l.refused)
        fail("I5: a stage that ran is not forgotten before its end is acknowledged or its grant refused");
    const bool stands = phase(w_.server) == ServerPhase::started && w_.server.fence == l.fence
        && w_.server.holder == who + 1;
    if (stands && !l.end_acked && !l.refused)
        fail("I14: what stands as started is not forgotten before its end is acknowledged or its grant "
             "refused");
    const Launcher old = std::exchange(l, Launcher{});
    l.alive = 1;
    l.rebooted = old.rebooted;
}

/// The launcher compares its journal with what it finds of the slot.
void Mover::look(Byte who)
{
    auto& l = at(who);
    l.ready = 0;
    const auto found = l.slot == Slot::absent ? worker::SlotFound::absent
        : l.slot == Slot::idle                ? worker::SlotFound::idle
                                              : worker::SlotFound::used;
    event(who, worker::Restarted{found});
}

void Mover::crash(Byte who)
{
    at(who).alive = at(who).leaving = 0;
    for (auto& m : w_.net) {
        if (m.who != who)
            continue;
        if (is_answer(m.kind) || m.kind == Kind::offer)
            m = {};
        else if (m.kind != Kind::none)
            m.age = kOrphan;
    }
    std::ranges::sort(w_.net);
}

void Mover::restart(Byte who)
{
    auto& l = at(who);
    l.alive = 1;
    const bool rebooted = std::exchange(l.rebooted, Byte{0}) != 0;
    if (rebooted)
        (void)serve(server::HostRestarted{kNames[who + 1U]});
    if (!l.has_journal)
        return;
    if (rebooted)
        mend_log(who);
    look(who);
}

/// Of the log nothing is left that the control plane does not have; it is asked how much that is.
void Mover::mend_log(Byte who)
{
    auto& l = at(who);
    std::ranges::replace_if(
        w_.net, [&](const Message& m) { return m.kind == Kind::log && m.who == who; }, Message{});
    std::ranges::sort(w_.net);
    if (!worker::may_send_log(journal(l, settings_.kind)))
        return;
    const auto answer = serve(server::AppendLog{kNames[who + 1U], unpack(l.fence), 0, 0});
    if (answer.verdict == server::Verdict::gone) {
        l.refused = 1;
        return event(who, worker::Refused{});
    }
    l.produced = static_cast<Byte>(answer.state.log_end);
    event(who, worker::LogCut{answer.state.log_end, answer.state.log_end});
}

void Mover::tick()
{
    const auto less = [](Byte& ticks) { ticks = static_cast<Byte>(ticks - (ticks > 0)); };
    less(w_.server.until);
    const bool closed = phase(w_.server) >= ServerPhase::finished;
    const bool waits = std::ranges::any_of(w_.launchers, about_to_begin);
    w_.given_up = static_cast<Byte>(closed && waits ? std::min<Millis>(w_.given_up + 1, kLease) : 0);
    for (auto& l : w_.launchers) {
        less(l.lease);
        less(l.frame_until);
        less(l.slot_lease);
        if (settings_.kind == StageKind::read && l.slot == Slot::running && l.slot_lease == 0) {
            l.slot = Slot::exited;
            l.slot_outcome = static_cast<Byte>(Outcome::lost);
        }
    }
    for (auto& m : w_.net)
        m.age = static_cast<Byte>(m.age + (m.kind != Kind::none && m.kind != Kind::offer && m.age < kLease));
}

void Mover::check_state()
{
    if (w_.launchers[0].slot == Slot::running && w_.launchers[1].slot == Slot::running)
        fail("I1: a stage never runs in two containers at once");
    if (w_.server.holder == 0)
        return;
    const auto& l = at(static_cast<Byte>(w_.server.holder - 1));
    if (l.has_journal && l.fence == w_.server.fence && w_.server.log_end > l.log_end)
        fail("I3: the durable log is a prefix of the true log");
}

} // namespace slipway::model
