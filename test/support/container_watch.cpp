#include "test/support/container_watch.h"

#include "common/json.h"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <stdexcept>

namespace slipway::test {

namespace {

constexpr std::chrono::seconds kPatience{30};

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{"watching containers: " + result.error().message()};
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

} // namespace

ContainerWatch::ContainerWatch(std::string docker_host)
    : host_{std::move(docker_host)}
    , since_{std::to_string(std::chrono::duration_cast<std::chrono::seconds>(
          std::chrono::system_clock::now().time_since_epoch())
                                .count())}
{
    reconnect();
}

void ContainerWatch::reconnect()
{
    // What the engine said before it ended; a new one does not know it any more.
    while (events_ && read_event(kPatience)) { }
    std::vector<std::pair<std::string, std::string>> env;
    if (!host_.empty())
        env.emplace_back("DOCKER_HOST", host_);
    events_ = must(Process::start({.argv = {"docker", "events", "--since", since_, "--filter",
                                       "type=container", "--filter", "label=io.slipway.stage", "--format",
                                       "{{.TimeNano}} {{.Action}} {{.ID}} "
                                       "{{index .Actor.Attributes \"io.slipway.stage\"}} ."},
        .env = env,
        .directory = {},
        .log = {}}));
}

void ContainerWatch::look()
{
    while (read_event(std::chrono::milliseconds{0})) { }
}

Result<void> ContainerWatch::read_event(std::chrono::milliseconds deadline)
{
    std::istringstream event{SLIPWAY_TRY(events_->read_until(" .\n", deadline))};
    std::int64_t at = 0;
    std::string action;
    std::string container;
    std::string stage;
    event >> at >> action >> container >> stage;
    auto& life = lives_[container];
    life.stage = stage;
    if (action == "start")
        life.began = at;
    else if (action == "die")
        life.stopped = at;
    else if (action == "destroy")
        life.gone = true;
    return {};
}

bool ContainerWatch::all_gone(const std::string& stage) const
{
    bool any = false;
    for (const auto& [container, life] : lives_) {
        if (life.stage != stage)
            continue;
        if (!life.gone)
            return false;
        any = true;
    }
    return any;
}

void ContainerWatch::record(const std::string& run_json, History& history)
{
    must(history.run(run_json));
    const auto document = must(JsonDocument::parse(run_json));
    const auto stages = must(document.root().at("stages"));
    for (const auto& stage : must(stages.elements())) {
        const std::string id = must(stage.string("id"));
        if (must(stage.integer("attempts")) == 0)
            continue;
        record(
            id, must(stage.string("kind")) == "write" ? History::Kind::write : History::Kind::read, history);
    }
}

void ContainerWatch::record(const std::string& stage, History::Kind kind, History& history)
{
    while (!all_gone(stage))
        must(read_event(kPatience));
    for (const auto& [container, life] : lives_) {
        if (life.stage != stage || life.began == 0)
            continue;
        history.started(stage, kind, container, life.began);
        if (life.stopped != 0)
            history.exited(container, life.stopped);
    }
}

} // namespace slipway::test
