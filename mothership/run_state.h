#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The life of a run as people see it. One table holds every transition; the names in the API, the diagram in
/// the documentation and the tests come from it.
namespace slipway::mothership {

enum class RunState : std::uint8_t {
    none,
    queued, ///< Blocked: by the stack's lock, or because no pool is attached.
    ready, ///< May go, waits for a worker.
    pending, ///< Deprecated name of queued; never entered.
    preparing, ///< A worker took it: handover and image pull.
    initializing,
    planning,
    pending_review,
    unconfirmed, ///< Planned; the workspace is sealed and stored, the worker is free.
    replan_requested,
    preparing_replan,
    confirmed, ///< Waits for a worker to apply.
    preparing_apply,
    applying,
    performing,
    destroying,
    finished,
    failed,
    stopped, ///< By a person, while a worker had it.
    discarded, ///< By a person, instead of confirming.
    canceled, ///< By a person, before a worker had it.
    skipped,
};

inline constexpr std::size_t kRunStates = 22;

enum class RunEvent : std::uint8_t {
    enqueue,
    skip,
    make_ready,
    prepare, ///< A worker accepted the stage.
    initialize,
    plan,
    ask_review,
    approve,
    ask_confirmation,
    auto_confirm, ///< Planned, and the stack deploys by itself.
    confirm,
    replan,
    apply,
    perform,
    destroy,
    finish,
    requeue, ///< The worker gave the stage back or was lost before anything was changed.
    fail,
    stop,
    discard,
    cancel,
};

inline constexpr std::size_t kRunEvents = 21;

enum class RunType : std::uint8_t { proposed, tracked, task, testing, destroy, parse };

struct Transition {
    RunState from;
    RunEvent event;
    RunState to;
};

inline constexpr std::array kTransitions{
    Transition{RunState::none, RunEvent::enqueue, RunState::queued},
    Transition{RunState::none, RunEvent::skip, RunState::skipped},

    Transition{RunState::queued, RunEvent::make_ready, RunState::ready},
    Transition{RunState::queued, RunEvent::skip, RunState::skipped},
    Transition{RunState::queued, RunEvent::discard, RunState::discarded},
    Transition{RunState::queued, RunEvent::cancel, RunState::canceled},
    Transition{RunState::queued, RunEvent::fail, RunState::failed},

    Transition{RunState::pending, RunEvent::make_ready, RunState::ready},
    Transition{RunState::pending, RunEvent::discard, RunState::discarded},
    Transition{RunState::pending, RunEvent::cancel, RunState::canceled},

    Transition{RunState::ready, RunEvent::prepare, RunState::preparing},
    Transition{RunState::ready, RunEvent::discard, RunState::discarded},
    Transition{RunState::ready, RunEvent::cancel, RunState::canceled},
    Transition{RunState::ready, RunEvent::fail, RunState::failed},

    Transition{RunState::preparing, RunEvent::initialize, RunState::initializing},
    Transition{RunState::preparing, RunEvent::plan, RunState::planning},
    Transition{RunState::preparing, RunEvent::perform, RunState::performing},
    Transition{RunState::preparing, RunEvent::destroy, RunState::destroying},
    Transition{RunState::preparing, RunEvent::requeue, RunState::ready},
    Transition{RunState::preparing, RunEvent::fail, RunState::failed},
    Transition{RunState::preparing, RunEvent::stop, RunState::stopped},

    Transition{RunState::initializing, RunEvent::plan, RunState::planning},
    Transition{RunState::initializing, RunEvent::perform, RunState::performing},
    Transition{RunState::initializing, RunEvent::destroy, RunState::destroying},
    Transition{RunState::initializing, RunEvent::requeue, RunState::ready},
    Transition{RunState::initializing, RunEvent::fail, RunState::failed},
    Transition{RunState::initializing, RunEvent::stop, RunState::stopped},

    Transition{RunState::planning, RunEvent::ask_review, RunState::pending_review},
    Transition{RunState::planning, RunEvent::ask_confirmation, RunState::unconfirmed},
    Transition{RunState::planning, RunEvent::auto_confirm, RunState::confirmed},
    Transition{RunState::planning, RunEvent::apply, RunState::applying}, // of a test, in one stage
    Transition{RunState::planning, RunEvent::destroy, RunState::destroying}, // likewise
    Transition{RunState::planning, RunEvent::finish, RunState::finished},
    Transition{RunState::planning, RunEvent::requeue, RunState::ready},
    Transition{RunState::planning, RunEvent::fail, RunState::failed},
    Transition{RunState::planning, RunEvent::stop, RunState::stopped},

    Transition{RunState::pending_review, RunEvent::approve, RunState::unconfirmed},
    Transition{RunState::pending_review, RunEvent::discard, RunState::discarded},

    Transition{RunState::unconfirmed, RunEvent::confirm, RunState::confirmed},
    Transition{RunState::unconfirmed, RunEvent::replan, RunState::replan_requested},
    Transition{RunState::unconfirmed, RunEvent::discard, RunState::discarded},

    Transition{RunState::replan_requested, RunEvent::prepare, RunState::preparing_replan},
    Transition{RunState::replan_requested, RunEvent::discard, RunState::discarded},
    Transition{RunState::replan_requested, RunEvent::fail, RunState::failed},

    Transition{RunState::preparing_replan, RunEvent::initialize, RunState::initializing},
    Transition{RunState::preparing_replan, RunEvent::plan, RunState::planning},
    Transition{RunState::preparing_replan, RunEvent::requeue, RunState::replan_requested},
    Transition{RunState::preparing_replan, RunEvent::fail, RunState::failed},
    Transition{RunState::preparing_replan, RunEvent::stop, RunState::stopped},

    Transition{RunState::confirmed, RunEvent::prepare, RunState::preparing_apply},
    Transition{RunState::confirmed, RunEvent::stop, RunState::stopped},
    Transition{RunState::confirmed, RunEvent::fail, RunState::failed},

    Transition{RunState::preparing_apply, RunEvent::apply, RunState::applying},
    Transition{RunState::preparing_apply, RunEvent::destroy, RunState::destroying},
    Transition{RunState::preparing_apply, RunEvent::requeue, RunState::confirmed},
    Transition{RunState::preparing_apply, RunEvent::fail, RunState::failed},

    Transition{RunState::applying, RunEvent::destroy, RunState::destroying}, // of a test
    Transition{RunState::applying, RunEvent::finish, RunState::finished},
    Transition{RunState::applying, RunEvent::fail, RunState::failed},

    Transition{RunState::performing, RunEvent::finish, RunState::finished},
    Transition{RunState::performing, RunEvent::fail, RunState::failed},
    Transition{RunState::performing, RunEvent::stop, RunState::stopped},

    Transition{RunState::destroying, RunEvent::finish, RunState::finished},
    Transition{RunState::destroying, RunEvent::fail, RunState::failed},
};

/// Where `event` leads from `state`; nothing if the event does not apply there.
[[nodiscard]] constexpr std::optional<RunState> next_state(RunState state, RunEvent event) noexcept
{
    for (const auto& transition : kTransitions)
        if (transition.from == state && transition.event == event)
            return transition.to;
    return std::nullopt;
}

/// No transition leads out of it: the run is over.
[[nodiscard]] constexpr bool is_terminal(RunState state) noexcept
{
    for (const auto& transition : kTransitions)
        if (transition.from == state)
            return false;
    return true;
}

/// Runs of these types hold the stack's lock from READY to their end.
[[nodiscard]] constexpr bool is_exclusive(RunType type) noexcept
{
    return type == RunType::tracked || type == RunType::task || type == RunType::destroy
        || type == RunType::testing;
}

/// The words of the API: QUEUED, TRACKED …; events in lower case.
[[nodiscard]] std::string_view to_string(RunState state) noexcept;
[[nodiscard]] std::string_view to_string(RunEvent event) noexcept;
[[nodiscard]] std::string_view to_string(RunType type) noexcept;
[[nodiscard]] std::optional<RunState> run_state_from(std::string_view name) noexcept;
[[nodiscard]] std::optional<RunType> run_type_from(std::string_view name) noexcept;

/// The table as a Mermaid state diagram, as docs/api.md shows it.
[[nodiscard]] std::string mermaid_diagram();

} // namespace slipway::mothership
