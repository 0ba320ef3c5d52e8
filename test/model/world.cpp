#include "test/model/world.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace slipway::model {

using namespace slipway::protocol;

namespace {

constexpr Millis kNow = 100;
constexpr Millis kLease = 2;
constexpr Terms kTerms{.offer = 1, .lease = kLease, .margin = 1};
constexpr Millis kRunLimit = 4;
constexpr Byte kOrphan
    = 15; ///< Age of a request whose sender has died: it may arrive, nobody reads the answer.
constexpr std::array<const char*, 3> kNames{"", "A", "B"};

enum Todo : Byte { prepare = 1, prepared = 2, frame = 4, kill = 8, forget = 16 };

Byte left(Millis until) { return static_cast<Byte>(std::clamp<Millis>(until - kNow, 0, 15)); }

Byte pack(Fence fence) { return static_cast<Byte>(fence.epoch << 4U | fence.number); }

Fence unpack(Byte fence)
{
    return {static_cast<std::uint32_t>(fence >> 4), static_cast<std::uint32_t>(fence & 15)};
}

ServerStage load(const Stored& s, StageKind kind)
{
    return {.kind = kind,
        .phase = static_cast<ServerPhase>(s.phase),
        .fence = unpack(s.fence),
        .holder = kNames[s.holder],
        .until = kNow + s.until,
        .run_limit = s.run_limit,
        .outcome = static_cast<Outcome>(s.outcome),
        .log_end = s.log_end,
        .held = s.held != 0,
        .stop_requested = s.stop != 0};
}

Stored store(const ServerStage& s)
{
    return {static_cast<Byte>(s.phase), pack(s.fence),
        static_cast<Byte>(s.holder.empty() ? 0 : s.holder[0] - 'A' + 1), left(s.until),
        static_cast<Byte>(s.outcome), static_cast<Byte>(s.log_end), static_cast<Byte>(s.run_limit), s.held,
        s.stop_requested};
}

bool is_answer(Kind kind) { return kind >= Kind::accept_ok; }

ServerPhase phase(const Stored& s) { return static_cast<ServerPhase>(s.phase); }

WorkerPhase phase(const Launcher& l) { return static_cast<WorkerPhase>(l.phase); }

WorkerStage journal(const Launcher& l, StageKind kind)
{
    return {.kind = kind,
        .fence = unpack(l.fence),
        .phase = phase(l),
        .lease_until = kNow + l.lease,
        .outcome = static_cast<Outcome>(l.outcome),
        .log_end = l.log_end,
        .log_acked = l.log_acked};
}

bool over(const Launcher& l) { return phase(l) == WorkerPhase::gone || phase(l) == WorkerPhase::done; }

bool in_net(const World& w, Kind kind, Byte who)
{
    return std::ranges::any_of(w.net, [&](const Message& m) { return m.kind == kind && m.who == who; });
}

/// One move being carried out.
class Mover {
public:
    Mover(World& world, const Settings& settings, const Core& core)
        : w_{world}
        , settings_{settings}
        , core_{core}
    {
    }

    std::string_view broken;

    void carry_out(Move move);

private:
    Launcher& at(Byte who) { return w_.launchers[who]; }

    void fail(std::string_view promise)
    {
        if (broken.empty())
            broken = promise;
    }

    server::Step serve(const server::Event& event);
    void handle(const Message& m);
    void send(Message m);
    void remove(Byte place);
    void call(Byte who, worker::Action action);
    void event(Byte who, const worker::Event& event);
    void take(Byte who, const worker::Step& step);
    void receive(const Message& m);
    void begin(const Message& offer);
    void told_to_stop(Byte who);
    void act(Byte who);
    void run_frame(Byte who);
    void look(Byte who);
    void resend(Byte who);
    void crash(Byte who);
    void restart(Byte who);
    void tick();
    void check_state();

    World& w_;
    const Settings& settings_;
    const Core& core_;
};

/// The store keeps the new state before anyone hears of it.
server::Step Mover::serve(const server::Event& event)
{
    const auto step = core_.server(load(w_.server, settings_.kind), event, kNow, kTerms);
    if (std::holds_alternative<server::Grant>(event) && step.verdict == server::Verdict::ok && w_.ended
        && !w_.restored)
        fail("I4: an acknowledged end is never granted again");
    w_.server = store(step.state);
    return step;
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
    answer.b = static_cast<Byte>(step.state.log_end);
    if (step.verdict == server::Verdict::gone)
        answer.kind = Kind::gone;
    if (m.age != kOrphan)
        send(answer);
}

/// The journal first, then what can be done at once; the rest waits in `todo`.
void Mover::take(Byte who, const worker::Step& step)
{
    auto& l = at(who);
    const auto& s = step.state;
    l.has_journal = 1;
    l.phase = static_cast<Byte>(s.phase);
    l.fence = pack(s.fence);
    l.lease = left(s.lease_until);
    l.outcome = static_cast<Byte>(s.outcome);
    l.log_end = static_cast<Byte>(s.log_end);
    l.log_acked = static_cast<Byte>(s.log_acked);
    for (const auto action : step.actions)
        call(who, action);
}

void Mover::call(Byte who, worker::Action action)
{
    auto& l = at(who);
    const auto request = [&](Kind kind, Byte a = 0, Byte b = 0) { send({kind, who, l.fence, 0, a, b}); };
    switch (action) {
    case worker::Action::send_accept:
        return request(Kind::accept);
    case worker::Action::send_started:
        return request(Kind::started);
    case worker::Action::send_log:
        return request(Kind::log, l.log_acked, static_cast<Byte>(l.log_end - l.log_acked));
    case worker::Action::send_finished:
        return request(Kind::finish, l.outcome, l.log_end);
    case worker::Action::prepare:
        l.todo |= Todo::prepare;
        return;
    case worker::Action::send_run_frame:
        l.todo |= Todo::frame;
        l.frame_until = l.lease;
        return;
    case worker::Action::push_lease:
        l.slot_lease = l.slot == Slot::running ? l.lease : l.slot_lease;
        return;
    case worker::Action::kill_slot:
        l.todo = static_cast<Byte>(
            (l.todo & Todo::forget) | Todo::kill); // whatever else was to be done is dropped
        return;
    case worker::Action::forget:
        l.todo |= Todo::forget;
        return;
    case worker::Action::follow:
        return; // output and exit are taken whenever they are there
    }
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
    if (phase(l) == WorkerPhase::accepted || phase(l) == WorkerPhase::starting) {
        l.todo = 0;
        event(who, worker::PrepareFailed{Outcome::failed});
    } else if (phase(l) == WorkerPhase::running && (l.todo & Todo::frame) != 0) {
        l.todo = 0;
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
    default:
        return;
    }
}

void Mover::run_frame(Byte who)
{
    auto& l = at(who);
    if (l.frame_until == 0 || l.slot == Slot::absent)
        return look(who);
    const bool leased = w_.server.fence == l.fence && w_.server.until > 0;
    if (settings_.kind == StageKind::read && !w_.restored && !leased)
        fail("I7: a read frame is sent only while the server keeps its lease");
    if (settings_.kind == StageKind::write && ++w_.frames > 1)
        fail("I2: the run frame of a write stage takes effect at most once");
    l.slot = Slot::running;
    l.slot_lease = l.lease;
    l.ran = 1;
}

void Mover::act(Byte who)
{
    auto& l = at(who);
    const auto todo = static_cast<Byte>(l.todo & -l.todo);
    l.todo = static_cast<Byte>(l.todo & ~todo);
    switch (todo) {
    case Todo::prepare:
        if (l.slot != Slot::absent && l.slot != Slot::idle)
            fail("I1: a second container for one stage");
        l.slot = Slot::idle;
        l.todo |= Todo::prepared;
        return;
    case Todo::prepared:
        return event(who, worker::Prepared{});
    case Todo::frame:
        return run_frame(who);
    case Todo::kill:
        l.slot = Slot::absent;
        return;
    default: {
        if (l.ran && !l.end_acked && !l.refused)
            fail("I5: a stage that ran is not forgotten before its end is acknowledged or its grant refused");
        if (l.slot == Slot::running)
            fail("I5: a forgotten stage leaves no container");
        const Launcher old = std::exchange(l, Launcher{});
        l.alive = 1;
        l.slot = old.slot;
        l.rebooted = old.rebooted;
    }
    }
}

/// The launcher compares its journal with what it finds of the slot.
void Mover::look(Byte who)
{
    auto& l = at(who);
    if (phase(l) == WorkerPhase::starting && l.alive && l.slot == Slot::absent)
        return event(who, worker::PrepareFailed{Outcome::lost});
    const auto found = l.slot == Slot::absent ? worker::SlotFound::absent
        : l.slot == Slot::idle                ? worker::SlotFound::idle
                                              : worker::SlotFound::used;
    event(who, worker::Restarted{found});
}

/// A call that was not answered is repeated.
void Mover::resend(Byte who)
{
    const auto& l = at(who);
    if (phase(l) == WorkerPhase::offered)
        call(who, worker::Action::send_accept);
    else if (phase(l) == WorkerPhase::starting)
        call(who, worker::Action::send_started);
    else
        call(who, l.log_acked < l.log_end ? worker::Action::send_log : worker::Action::send_finished);
}

void Mover::crash(Byte who)
{
    at(who).alive = at(who).todo = at(who).frame_until = 0;
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
    if (l.rebooted) {
        (void)serve(server::HostRestarted{kNames[who + 1U]});
        l.rebooted = 0;
    }
    if (!l.has_journal)
        return;
    const auto found = l.slot == Slot::absent ? worker::SlotFound::absent
        : l.slot == Slot::idle                ? worker::SlotFound::idle
                                              : worker::SlotFound::used;
    event(who, worker::Restarted{found});
}

void Mover::tick()
{
    const auto less = [](Byte& ticks) { ticks = static_cast<Byte>(ticks - (ticks > 0)); };
    less(w_.server.until);
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

void Mover::carry_out(Move move)
{
    auto& l = at(move.who & 1U);
    const Message m = w_.net[move.who < 3 ? move.who : 0];
    switch (move.what) {
    case Do::restart:
        restart(move.who);
        break;
    case Do::act:
        act(move.who);
        break;
    case Do::look:
        look(move.who);
        break;
    case Do::deliver:
    case Do::duplicate:
        if (move.what == Do::deliver)
            remove(move.who);
        is_answer(m.kind) || m.kind == Kind::offer ? receive(m) : handle(m);
        break;
    case Do::decline:
        remove(move.who);
        send({Kind::decline, m.who, m.fence, 0, 0, 0});
        break;
    case Do::lose:
        remove(move.who);
        break;
    case Do::take_output:
        event(move.who, worker::LogGrew{l.produced});
        break;
    case Do::see_exit:
        event(move.who, worker::Exited{static_cast<Outcome>(l.slot_outcome)});
        break;
    case Do::write_byte:
        ++l.produced;
        break;
    case Do::exit:
        l.slot = Slot::exited;
        l.slot_outcome = static_cast<Byte>(Outcome::succeeded);
        break;
    case Do::resend:
        resend(move.who);
        break;
    case Do::renew:
        send({Kind::renew, move.who, l.fence, 0, worker::may_have_started(journal(l, settings_.kind)), 0});
        break;
    case Do::release:
        (void)serve(server::Release{});
        break;
    case Do::served_tick:
        (void)serve(server::Tick{});
        break;
    case Do::grant:
        (void)serve(server::Grant{kNames[move.who + 1U], w_.epoch});
        break;
    case Do::offer:
        send({Kind::offer, move.who, w_.server.fence, 0, 0, 0});
        break;
    case Do::tick:
        tick();
        break;
    case Do::crash:
        crash(move.who);
        break;
    case Do::host_restart:
        crash(move.who);
        l.slot = Slot::absent;
        l.rebooted = 1;
        l.lease = static_cast<Byte>(l.has_journal ? 15 : 0); // counted from another boot: means nothing now
        break;
    case Do::container_dies:
        l.slot = l.slot == Slot::running ? Slot::exited : Slot::absent;
        l.slot_outcome = static_cast<Byte>(Outcome::lost);
        l.produced = l.log_end; // what slot-init still kept is gone with it
        break;
    case Do::withdraw:
        (void)serve(server::Withdraw{});
        break;
    case Do::cancel:
        (void)serve(server::Cancel{});
        break;
    case Do::declare_lost:
        (void)serve(server::DeclareLost{});
        break;
    case Do::backup:
        w_.backup = w_.server;
        w_.has_backup = 1;
        break;
    case Do::store_back:
        w_.server = w_.backup;
        w_.backup = {};
        w_.has_backup = 0;
        w_.restored = 1;
        ++w_.epoch;
        (void)serve(server::StoreRestored{});
        break;
    }
    check_state();
}

bool is_fault(Do what) { return what >= Do::lose && what != Do::store_back; }

bool calls_in_flight(const World& w, Byte who)
{
    return std::ranges::any_of(w.net, [&](const Message& m) {
        return m.who == who && m.kind > Kind::decline && m.kind != Kind::renew && m.kind != Kind::renewed;
    }) || in_net(w, Kind::accept, who);
}

void list_launcher_moves(const World& w, const Settings& settings, Byte who, std::vector<Move>& moves)
{
    const auto& l = w.launchers[who];
    const auto can = [&](bool condition, Do what) {
        if (condition)
            moves.push_back({what, who});
    };
    const bool idle = l.alive && l.has_journal && l.todo == 0;
    const bool running = idle && phase(l) == WorkerPhase::running;
    can(!l.alive, Do::restart);
    can(l.alive && l.todo != 0, Do::act);
    can(idle && phase(l) == WorkerPhase::starting && l.slot == Slot::absent, Do::look);
    can(running && l.produced > l.log_end, Do::take_output);
    can(running && l.slot == Slot::exited && l.produced == l.log_end, Do::see_exit);
    const bool unanswered = phase(l) == WorkerPhase::offered || phase(l) == WorkerPhase::starting
        || phase(l) == WorkerPhase::finished || (running && l.log_acked < l.log_end);
    can(idle && unanswered && !calls_in_flight(w, who), Do::resend);
    can(l.alive && l.has_journal && !over(l) && phase(l) != WorkerPhase::offered
            && !in_net(w, Kind::renew, who) && !in_net(w, Kind::renewed, who),
        Do::renew);
    can(l.slot == Slot::running && l.produced < settings.log_bytes, Do::write_byte);
    can(l.slot == Slot::running, Do::exit);
    can(l.alive && l.has_journal, Do::crash);
    can(l.has_journal, Do::host_restart);
    can(l.slot == Slot::running || l.slot == Slot::idle, Do::container_dies);
}

void list_server_moves(const World& w, const Settings& settings, std::vector<Move>& moves)
{
    const auto& s = w.server;
    const auto can = [&](bool condition, Do what, Byte who = 0) {
        if (condition)
            moves.push_back({what, who});
    };
    const auto holder = static_cast<Byte>(s.holder - 1);
    const bool held_by = phase(s) == ServerPhase::offered || phase(s) == ServerPhase::accepted
        || phase(s) == ServerPhase::started;
    can(settings.kind == StageKind::read && s.held, Do::release);
    can(held_by && s.until == 0, Do::served_tick);
    const bool grant
        = phase(s) == ServerPhase::waiting && ((s.fence & 15) < settings.grants || s.fence >> 4 < w.epoch);
    can(grant, Do::grant, 0);
    can(grant && s.fence != 0, Do::grant, 1); // the launchers are alike: the first grant goes to A
    // An offer is the answer to a poll, of which a launcher has one at a time and which names what it holds.
    const auto& l = w.launchers[holder & 1];
    can(phase(s) == ServerPhase::offered && l.alive && !l.has_journal && !in_net(w, Kind::offer, holder),
        Do::offer, holder);
    can(phase(s) == ServerPhase::offered, Do::withdraw);
    can(held_by, Do::declare_lost);
    can(!s.stop, Do::cancel);
    can(settings.store_goes_back && !w.restored && !w.has_backup, Do::backup);
    can(w.has_backup, Do::store_back);
}

} // namespace

void list_moves(const World& world, const Settings& settings, std::vector<Move>& moves)
{
    list_launcher_moves(world, settings, 0, moves);
    list_launcher_moves(world, settings, 1, moves);
    list_server_moves(world, settings, moves);
    for (Byte i = 0; i < world.net.size(); ++i) {
        const auto& m = world.net[i];
        if (m.kind == Kind::none || (i > 0 && m == world.net[i - 1U]))
            continue;
        moves.push_back({Do::deliver, i});
        moves.push_back({Do::lose, i});
        if (m.kind == Kind::offer)
            moves.push_back({Do::decline, i});
        else if (!is_answer(m.kind))
            moves.push_back({Do::duplicate, i});
    }
    moves.push_back({Do::tick, 0});
    if (world.faults == 0)
        std::erase_if(moves, [](Move move) { return is_fault(move.what); });
}

std::string_view apply(World& world, Move move, const Settings& settings, const Core& core)
{
    Mover mover{world, settings, core};
    mover.carry_out(move);
    if (is_fault(move.what))
        --world.faults;
    return mover.broken;
}

namespace {

/// Carries out the first move of a fair schedule that changes anything.
std::string_view fair_move(World& world, const Settings& settings, const Core& core)
{
    std::vector<Move> moves;
    list_moves(world, settings, moves);
    std::ranges::stable_sort(moves, {}, &Move::what);
    const World before = world;
    for (auto move = moves.begin(); move != moves.end() && world == before; ++move)
        if (const auto broken = apply(world, *move, settings, core); !broken.empty())
            return broken;
    return {};
}

} // namespace

World first_world(const Settings& settings)
{
    World w{};
    w.launchers[0].alive = w.launchers[1].alive = 1;
    w.epoch = 1;
    w.has_backup = settings.store_goes_back && settings.head_start > 0; // of the empty store
    for (Byte move = 0; move < settings.head_start; ++move)
        (void)fair_move(w, settings, {});
    w.faults = settings.faults;
    return w;
}

std::string_view check_fair_end(World world, Settings settings, const Core& core)
{
    settings.grants = 15;
    world.faults = 0;
    const auto clean = [](const Launcher& l) { return l.alive && !l.has_journal && l.slot == Slot::absent; };
    for (int step = 0; step < 300; ++step) {
        const auto& s = world.server;
        const bool settled = phase(s) >= ServerPhase::finished
            || (settings.kind == StageKind::write && phase(s) == ServerPhase::waiting && s.held && !s.stop);
        if (settled && std::ranges::all_of(world.launchers, clean))
            return {};
        if (const auto broken = fair_move(world, settings, core); !broken.empty())
            return broken;
    }
    return "I6: no dead end";
}

std::string describe(const World& world, Move move)
{
    static constexpr std::array<const char*, 14> kinds{"nothing", "offer", "accept", "decline", "started",
        "renew", "log", "finish", "accept ok", "started ok", "renewed", "log ok", "finish ok", "gone"};
    static constexpr std::array<const char*, 26> words{"restarts", "carries out its next action",
        "looks at its slot", "arrives:", "takes output", "sees the exit", "container writes",
        "container exits", "repeats its call", "operator releases", "server notices the time", "granted to",
        "offer goes out to", "a tick passes", "renews", "backup is made", "lost:", "offer is withdrawn",
        "arrives and stays:", "declined:", "crashes", "host restarts", "container dies", "cancelled",
        "declared lost", "store goes back"};
    const std::string word = words[static_cast<std::size_t>(move.what)];
    const bool of_net = move.what == Do::deliver || move.what == Do::lose || move.what == Do::duplicate
        || move.what == Do::decline;
    if (of_net) {
        const auto& m = world.net[move.who];
        return word + " " + kinds[static_cast<std::size_t>(m.kind)] + " of " + kNames[m.who + 1U] + " fence "
            + std::to_string(m.fence >> 4) + "." + std::to_string(m.fence & 15);
    }
    return std::string{kNames[move.who + 1U]} + " " + word;
}

} // namespace slipway::model
