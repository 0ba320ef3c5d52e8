#pragma once

#include "test/model/world.h"

#include <algorithm>
#include <string>
#include <string_view>

/// How one move changes the world. Private to the model.
namespace slipway::model {

using namespace slipway::protocol;

constexpr Millis kNow = 100;
constexpr Millis kLease = 2;
constexpr Terms kTerms{.offer = 1, .lease = kLease, .margin = 1};
constexpr Millis kRunLimit = 4;
constexpr Byte kOrphan
    = 15; ///< Age of a request whose sender has died: it may arrive, nobody reads the answer.
constexpr std::array<const char*, 3> kNames{"", "A", "B"};

inline Byte left(Millis until) { return static_cast<Byte>(std::clamp<Millis>(until - kNow, 0, 15)); }

inline Byte pack(Fence fence) { return static_cast<Byte>(fence.epoch << 4U | fence.number); }

inline Fence unpack(Byte fence)
{
    return {static_cast<std::uint32_t>(fence >> 4), static_cast<std::uint32_t>(fence & 15)};
}

inline ServerStage load(const Stored& s, StageKind kind)
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

inline Stored store(const ServerStage& s)
{
    return {static_cast<Byte>(s.phase), pack(s.fence),
        static_cast<Byte>(s.holder.empty() ? 0 : s.holder[0] - 'A' + 1), left(s.until),
        static_cast<Byte>(s.outcome), static_cast<Byte>(s.log_end), static_cast<Byte>(s.run_limit), s.held,
        s.stop_requested};
}

inline bool is_answer(Kind kind) { return kind >= Kind::accept_ok; }

inline ServerPhase phase(const Stored& s) { return static_cast<ServerPhase>(s.phase); }

inline WorkerPhase phase(const Launcher& l) { return static_cast<WorkerPhase>(l.phase); }

inline WorkerStage journal(const Launcher& l, StageKind kind)
{
    return {.kind = kind,
        .fence = unpack(l.fence),
        .phase = phase(l),
        .lease_until = kNow + l.lease,
        .frame_until = kNow + l.frame_until,
        .outcome = static_cast<Outcome>(l.outcome),
        .log_end = l.log_end,
        .log_acked = l.log_acked,
        .may_be_started = l.may_be_started != 0};
}

/// The grant may begin, and has not.
inline bool about_to_begin(const Launcher& l)
{
    return l.has_journal && phase(l) == WorkerPhase::running && l.slot == Slot::idle;
}

inline bool in_net(const World& w, Kind kind, Byte who)
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
    void check_answer(const Message& m, const Stored& before, const server::Step& step);
    void send(Message m);
    void remove(Byte place);
    void event(Byte who, const worker::Event& event);
    void take(Byte who, const WorkerStage& state);
    void receive(const Message& m);
    void begin(const Message& offer);
    void told_to_stop(Byte who);
    void act(Byte who);
    bool leave(Byte who);
    void prepare(Byte who);
    void follow(Byte who);
    void run_frame(Byte who);
    void remove_stage(Byte who);
    void look(Byte who);
    void crash(Byte who);
    void restart(Byte who);
    void mend_log(Byte who);
    void tick();
    void check_state();
    void move_launcher(Move move);
    void move_message(Move move);
    void move_server(Move move);

    World& w_;
    const Settings& settings_;
    const Core& core_;
};

} // namespace slipway::model
