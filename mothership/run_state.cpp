#include "mothership/run_state.h"

namespace slipway::mothership {

namespace {

constexpr std::array<std::string_view, kRunStates> kStateNames{"NONE", "QUEUED", "READY", "PENDING",
    "PREPARING", "INITIALIZING", "PLANNING", "PENDING_REVIEW", "UNCONFIRMED", "REPLAN_REQUESTED",
    "PREPARING_REPLAN", "CONFIRMED", "PREPARING_APPLY", "APPLYING", "PERFORMING", "DESTROYING", "FINISHED",
    "FAILED", "STOPPED", "DISCARDED", "CANCELED", "SKIPPED"};

constexpr std::array<std::string_view, kRunEvents> kEventNames{"enqueue", "skip", "make_ready", "prepare",
    "initialize", "plan", "ask_review", "approve", "ask_confirmation", "auto_confirm", "confirm", "replan",
    "apply", "perform", "destroy", "finish", "requeue", "fail", "stop", "discard", "cancel"};

constexpr std::array<std::string_view, 6> kTypeNames{
    "PROPOSED", "TRACKED", "TASK", "TESTING", "DESTROY", "PARSE"};

template <class E, std::size_t N>
std::optional<E> value_of(const std::array<std::string_view, N>& names, std::string_view name) noexcept
{
    for (std::size_t i = 0; i < N; ++i)
        if (names[i] == name)
            return static_cast<E>(i);
    return std::nullopt;
}

} // namespace

std::string_view to_string(RunState state) noexcept { return kStateNames[static_cast<std::size_t>(state)]; }

std::string_view to_string(RunEvent event) noexcept { return kEventNames[static_cast<std::size_t>(event)]; }

std::string_view to_string(RunType type) noexcept { return kTypeNames[static_cast<std::size_t>(type)]; }

std::optional<RunState> run_state_from(std::string_view name) noexcept
{
    return value_of<RunState>(kStateNames, name);
}

std::optional<RunType> run_type_from(std::string_view name) noexcept
{
    return value_of<RunType>(kTypeNames, name);
}

std::string mermaid_diagram()
{
    std::string text = "stateDiagram-v2\n    [*] --> NONE\n";
    for (const auto& transition : kTransitions) {
        text += "    ";
        text += to_string(transition.from);
        text += " --> ";
        text += to_string(transition.to);
        text += " : ";
        text += to_string(transition.event);
        text += '\n';
    }
    for (std::size_t i = 0; i < kRunStates; ++i) {
        const auto state = static_cast<RunState>(i);
        if (is_terminal(state))
            text.append("    ").append(to_string(state)).append(" --> [*]\n");
    }
    return text;
}

} // namespace slipway::mothership
