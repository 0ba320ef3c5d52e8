#include "common/file.h"
#include "mothership/run_state.h"

#include <catch2/catch.hpp>

#include <map>
#include <set>

using namespace slipway;
using namespace slipway::mothership;

namespace {

/// The reference's states, written by hand, with where each event leads. What is not here must be refused.
const std::map<RunState, std::map<RunEvent, RunState>> kExpected{
    {RunState::none, {{RunEvent::enqueue, RunState::queued}, {RunEvent::skip, RunState::skipped}}},
    {RunState::queued,
        {{RunEvent::make_ready, RunState::ready}, {RunEvent::skip, RunState::skipped},
            {RunEvent::discard, RunState::discarded}, {RunEvent::cancel, RunState::canceled},
            {RunEvent::fail, RunState::failed}}},
    {RunState::pending,
        {{RunEvent::make_ready, RunState::ready}, {RunEvent::discard, RunState::discarded},
            {RunEvent::cancel, RunState::canceled}}},
    {RunState::ready,
        {{RunEvent::prepare, RunState::preparing}, {RunEvent::discard, RunState::discarded},
            {RunEvent::cancel, RunState::canceled}, {RunEvent::fail, RunState::failed}}},
    {RunState::preparing,
        {{RunEvent::initialize, RunState::initializing}, {RunEvent::plan, RunState::planning},
            {RunEvent::perform, RunState::performing}, {RunEvent::destroy, RunState::destroying},
            {RunEvent::requeue, RunState::ready}, {RunEvent::fail, RunState::failed},
            {RunEvent::stop, RunState::stopped}}},
    {RunState::initializing,
        {{RunEvent::plan, RunState::planning}, {RunEvent::perform, RunState::performing},
            {RunEvent::destroy, RunState::destroying}, {RunEvent::requeue, RunState::ready},
            {RunEvent::fail, RunState::failed}, {RunEvent::stop, RunState::stopped}}},
    {RunState::planning,
        {{RunEvent::ask_review, RunState::pending_review},
            {RunEvent::ask_confirmation, RunState::unconfirmed},
            {RunEvent::auto_confirm, RunState::confirmed}, {RunEvent::apply, RunState::applying},
            {RunEvent::destroy, RunState::destroying}, {RunEvent::finish, RunState::finished},
            {RunEvent::requeue, RunState::ready}, {RunEvent::fail, RunState::failed},
            {RunEvent::stop, RunState::stopped}}},
    {RunState::pending_review,
        {{RunEvent::approve, RunState::unconfirmed}, {RunEvent::discard, RunState::discarded}}},
    {RunState::unconfirmed,
        {{RunEvent::confirm, RunState::confirmed}, {RunEvent::replan, RunState::replan_requested},
            {RunEvent::discard, RunState::discarded}}},
    {RunState::replan_requested,
        {{RunEvent::prepare, RunState::preparing_replan}, {RunEvent::discard, RunState::discarded},
            {RunEvent::fail, RunState::failed}}},
    {RunState::preparing_replan,
        {{RunEvent::initialize, RunState::initializing}, {RunEvent::plan, RunState::planning},
            {RunEvent::requeue, RunState::replan_requested}, {RunEvent::fail, RunState::failed},
            {RunEvent::stop, RunState::stopped}}},
    {RunState::confirmed,
        {{RunEvent::prepare, RunState::preparing_apply}, {RunEvent::stop, RunState::stopped},
            {RunEvent::fail, RunState::failed}}},
    {RunState::preparing_apply,
        {{RunEvent::apply, RunState::applying}, {RunEvent::destroy, RunState::destroying},
            {RunEvent::requeue, RunState::confirmed}, {RunEvent::fail, RunState::failed}}},
    {RunState::applying,
        {{RunEvent::destroy, RunState::destroying}, {RunEvent::finish, RunState::finished},
            {RunEvent::fail, RunState::failed}}},
    {RunState::performing,
        {{RunEvent::finish, RunState::finished}, {RunEvent::fail, RunState::failed},
            {RunEvent::stop, RunState::stopped}}},
    {RunState::destroying, {{RunEvent::finish, RunState::finished}, {RunEvent::fail, RunState::failed}}},
};

const std::set<RunState> kTerminal{RunState::finished, RunState::failed, RunState::stopped,
    RunState::discarded, RunState::canceled, RunState::skipped};

} // namespace

TEST_CASE("every event in every state leads where the reference says or is refused")
{
    for (std::size_t s = 0; s < kRunStates; ++s)
        for (std::size_t e = 0; e < kRunEvents; ++e) {
            const auto state = static_cast<RunState>(s);
            const auto event = static_cast<RunEvent>(e);
            INFO(to_string(state) << " on " << to_string(event));
            const auto row = kExpected.find(state);
            const bool known = row != kExpected.end() && row->second.contains(event);
            const auto next = next_state(state, event);
            REQUIRE(next.has_value() == known);
            if (known)
                CHECK(*next == row->second.at(event));
        }
}

TEST_CASE("exactly the six states of the reference are terminal")
{
    for (std::size_t s = 0; s < kRunStates; ++s) {
        const auto state = static_cast<RunState>(s);
        INFO(to_string(state));
        CHECK(is_terminal(state) == kTerminal.contains(state));
    }
}

TEST_CASE("names of states and types read back as themselves")
{
    std::set<std::string_view> names;
    for (std::size_t s = 0; s < kRunStates; ++s) {
        const auto state = static_cast<RunState>(s);
        names.insert(to_string(state));
        CHECK(run_state_from(to_string(state)) == state);
    }
    CHECK(names.size() == kRunStates);
    CHECK(names.contains("PREPARING_APPLY"));
    CHECK_FALSE(run_state_from("queued"));
    CHECK(run_type_from("TRACKED") == RunType::tracked);
    CHECK_FALSE(run_type_from("SOMETHING"));
}

TEST_CASE("the table has no transition twice")
{
    std::set<std::pair<RunState, RunEvent>> seen;
    for (const auto& transition : kTransitions)
        CHECK(seen.emplace(transition.from, transition.event).second);
}

TEST_CASE("the diagram in the documentation is the table")
{
    const auto text = read_file(SLIPWAY_SOURCE_DIR "/docs/api.md", 1024 * 1024);
    REQUIRE(text);
    CHECK(text->find("```mermaid\n" + mermaid_diagram() + "```") != std::string::npos);
}
