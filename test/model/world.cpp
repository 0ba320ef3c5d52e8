#include "test/model/mover.h"

#include <algorithm>

namespace slipway::model {

void Mover::move_launcher(Move move)
{
    auto& l = at(move.who);
    switch (move.what) {
    case Do::restart:
        restart(move.who);
        return;
    case Do::act:
        act(move.who);
        return;
    case Do::take_output:
        event(move.who, worker::LogGrew{l.produced});
        return;
    case Do::see_exit:
        event(move.who, worker::Exited{static_cast<Outcome>(l.slot_outcome)});
        return;
    case Do::write_byte:
        ++l.produced;
        return;
    case Do::exit:
        l.slot = Slot::exited;
        l.slot_outcome = static_cast<Byte>(Outcome::succeeded);
        return;
    case Do::send_log:
        send({Kind::log, move.who, l.fence, 0, l.log_acked, static_cast<Byte>(l.log_end - l.log_acked)});
        return;
    case Do::renew:
        send({Kind::renew, move.who, l.fence, 0, worker::may_have_started(journal(l, settings_.kind)), 0});
        return;
    case Do::crash:
        crash(move.who);
        return;
    case Do::host_restart:
        crash(move.who);
        l.slot = Slot::absent;
        l.rebooted = 1;
        l.produced = 0; // the journal is older or newer than the spool; the worst is that nothing is left
        l.lease = l.frame_until = 0; // of another boot: the journal reads them as over
        return;
    case Do::leave:
        l.leaving = 1;
        if (phase(l) == WorkerPhase::running)
            told_to_stop(move.who);
        return;
    case Do::container_dies:
        l.slot = l.slot == Slot::running ? Slot::exited : Slot::absent;
        l.slot_outcome = static_cast<Byte>(Outcome::lost);
        l.produced = l.log_end; // what slot-init still kept is gone with it
        return;
    default:
        return;
    }
}

void Mover::move_message(Move move)
{
    const Message m = w_.net[move.who];
    switch (move.what) {
    case Do::deliver:
    case Do::duplicate:
        if (move.what == Do::deliver)
            remove(move.who);
        is_answer(m.kind) || m.kind == Kind::offer ? receive(m) : handle(m);
        return;
    case Do::decline:
        remove(move.who);
        send({Kind::decline, m.who, m.fence, 0, 0, 0});
        return;
    case Do::lose:
        remove(move.who);
        return;
    default:
        return;
    }
}

void Mover::move_server(Move move)
{
    switch (move.what) {
    case Do::release:
        (void)serve(server::Release{});
        return;
    case Do::served_tick:
        (void)serve(server::Tick{});
        return;
    case Do::grant:
        (void)serve(server::Grant{kNames[move.who + 1U], w_.epoch});
        return;
    case Do::offer:
        send({Kind::offer, move.who, w_.server.fence, 0, 0, 0});
        return;
    case Do::tick:
        tick();
        return;
    case Do::withdraw:
        (void)serve(server::Withdraw{});
        return;
    case Do::cancel:
        (void)serve(server::Cancel{});
        return;
    case Do::declare_lost:
        (void)serve(server::DeclareLost{});
        return;
    case Do::backup:
        w_.backup = w_.server;
        w_.has_backup = 1;
        return;
    case Do::store_back:
        w_.server = w_.backup;
        w_.backup = {};
        w_.has_backup = 0;
        w_.cancelled = 0; // the store knows nothing of it any more
        w_.restored = 1;
        ++w_.epoch;
        (void)serve(server::StoreRestored{});
        return;
    default:
        return;
    }
}

void Mover::carry_out(Move move)
{
    const bool of_net = move.what == Do::deliver || move.what == Do::duplicate || move.what == Do::decline
        || move.what == Do::lose;
    if (of_net) {
        move_message(move);
    } else {
        move_launcher(move);
        move_server(move);
    }
    check_state();
}

namespace {

bool is_fault(Do what) { return what >= Do::lose && what != Do::store_back; }

bool calls_in_flight(const World& w, Byte who)
{
    return std::ranges::any_of(w.net, [&](const Message& m) {
        return m.who == who && m.kind > Kind::decline && m.kind != Kind::renew && m.kind != Kind::renewed;
    }) || in_net(w, Kind::accept, who);
}

bool can_act(const World& w, const Settings& settings, const Core& core, Byte who)
{
    const auto& l = w.launchers[who];
    if (!l.alive || !l.has_journal)
        return false;
    const auto stage = journal(l, settings.kind);
    if (l.leaving && worker::may_give_back(stage))
        return !in_net(w, Kind::decline, who) && !in_net(w, Kind::given_back, who);
    switch (core.next(stage)) {
    case worker::Action::send_accept:
    case worker::Action::send_started:
    case worker::Action::send_finished:
        return !calls_in_flight(w, who);
    case worker::Action::prepare:
    case worker::Action::remove:
        return true;
    case worker::Action::follow:
        return l.slot == Slot::idle || l.slot == Slot::absent;
    case worker::Action::deliver_log:
        return false;
    }
    return false;
}

void list_launcher_moves(
    const World& w, const Settings& settings, const Core& core, Byte who, std::vector<Move>& moves)
{
    const auto& l = w.launchers[who];
    const auto can = [&](bool condition, Do what) {
        if (condition)
            moves.push_back({what, who});
    };
    const bool works = l.alive && l.has_journal;
    const bool running = works && phase(l) == WorkerPhase::running;
    const bool uploads = works && worker::may_send_log(journal(l, settings.kind));
    can(!l.alive, Do::restart);
    can(can_act(w, settings, core, who), Do::act);
    can(running && l.produced > l.log_end, Do::take_output);
    can(running && l.slot == Slot::exited && l.produced == l.log_end, Do::see_exit);
    can(uploads && l.log_acked < std::min(l.log_end, l.produced) && !calls_in_flight(w, who), Do::send_log);
    can(uploads && !in_net(w, Kind::renew, who) && !in_net(w, Kind::renewed, who), Do::renew);
    can(l.slot == Slot::running && l.produced < settings.log_bytes, Do::write_byte);
    can(l.slot == Slot::running, Do::exit);
    can(l.alive && l.has_journal, Do::crash);
    can(l.has_journal, Do::host_restart);
    can(l.slot == Slot::running || l.slot == Slot::idle, Do::container_dies);
    can(works && !l.leaving, Do::leave);
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
    // For a write stage the operator vouches that nothing of it ran and that no launcher knows of it.
    const bool untouched = w.frames == 0 && w.net.back().kind == Kind::none
        && std::ranges::none_of(w.launchers, [](const Launcher& l) { return l.has_journal; });
    can(s.held && (settings.kind == StageKind::read || untouched), Do::release);
    can(held_by && s.until == 0, Do::served_tick);
    const bool grant
        = phase(s) == ServerPhase::waiting && ((s.fence & 15) < settings.grants || s.fence >> 4 < w.epoch);
    can(grant, Do::grant, 0);
    can(grant && s.fence != 0, Do::grant, 1); // the launchers are alike: the first grant goes to A
    // An offer is the answer to a poll, of which a launcher has one at a time and which names what it holds.
    const auto& l = w.launchers[holder & 1];
    can(phase(s) == ServerPhase::offered && l.alive && !l.has_journal && !l.leaving
            && !in_net(w, Kind::offer, holder),
        Do::offer, holder);
    can(phase(s) == ServerPhase::offered, Do::withdraw);
    can(held_by, Do::declare_lost);
    can(!s.stop, Do::cancel);
    can(settings.store_goes_back && !w.restored && !w.has_backup, Do::backup);
    can(w.has_backup, Do::store_back);
}

} // namespace

void list_moves(const World& world, const Settings& settings, const Core& core, std::vector<Move>& moves)
{
    list_launcher_moves(world, settings, core, 0, moves);
    list_launcher_moves(world, settings, core, 1, moves);
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
    list_moves(world, settings, core, moves);
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
    static constexpr std::array<const char*, 15> kinds{"nothing", "offer", "accept", "decline", "started",
        "renew", "log", "finish", "accept ok", "started ok", "renewed", "log ok", "finish ok", "gone",
        "given back"};
    static constexpr std::array<const char*, 26> words{"restarts", "carries out its next action",
        "arrives:", "takes output", "sees the exit", "container writes", "container exits", "sends its log",
        "operator releases", "server notices the time", "granted to", "offer goes out to", "a tick passes",
        "renews", "backup is made", "lost:", "offer is withdrawn",
        "arrives and stays:", "declined:", "crashes", "host restarts", "container dies", "cancelled",
        "declared lost", "is told to leave", "store goes back"};
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
