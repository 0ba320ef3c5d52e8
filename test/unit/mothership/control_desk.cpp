#include "test/unit/mothership/control_desk.h"

#include "mothership/store/sqlite_store.h"

namespace slipway::test {

using namespace slipway::mothership;
namespace server = slipway::protocol::server;

ControlDesk::ControlDesk()
    : sink_{-1, LogFormat::logfmt, LogLevel::error, clock}
{
    start();
    must(plane->change_records([&](Work& work) -> Result<void> {
        pool_id = work.new_id();
        SLIPWAY_TRY(work.records.add_pool({.id = pool_id,
            .name = "demo",
            .description = {},
            .key_fingerprint = {},
            .certificate_fingerprint = "f1",
            .certificate_serial = "1"}));
        worker.id = work.new_id();
        worker.pool_id = pool_id;
        worker.instance_id = work.new_id();
        worker.boot_id = "boot-1";
        worker.session_hash = "hash";
        SLIPWAY_TRY(work.records.put_worker(worker));
        stack.id = "web";
        stack.name = "Web";
        stack.pool_id = pool_id;
        stack.spec.phases = {{"plan", {"plan"}}, {"apply", {"apply"}}};
        return work.records.add_stack(stack);
    }));
}

void ControlDesk::start()
{
    store = must(make_sqlite_store(directory.path() / "slipway.db"));
    plane = must(ControlPlane::start(
        {.store = *store, .topics = topics_, .clock = clock, .random = random_, .logger = Logger{sink_}},
        directory.path() / "generation"));
}

void ControlDesk::restart()
{
    plane.reset();
    store.reset();
    start();
}

std::string ControlDesk::start_run(RunType type)
{
    return must(plane->change([&](Work& work) -> Result<std::string> {
        const auto current = SLIPWAY_TRY(work.records.stack(stack.id));
        return SLIPWAY_TRY(create_run(work, *current, type)).id;
    }));
}

Run ControlDesk::run(const std::string& id)
{
    return must(plane->look([&](Transaction& records) { return records.run(id); })).value();
}

Stage ControlDesk::stage(const std::string& run_id, std::size_t index)
{
    return must(plane->look([&](Transaction& records) { return records.stages_of_run(run_id); })).at(index);
}

std::string ControlDesk::waiting_for(const std::string& run_id)
{
    return must(plane->look(
        [&](Transaction& records) { return mothership::waiting_for(records, *must(records.run(run_id))); }));
}

std::optional<Stage> ControlDesk::grant()
{
    return must(plane->change([&](Work& work) { return grant_next(work, worker); }));
}

server::Verdict ControlDesk::apply(const std::string& run_id, std::size_t index, const server::Event& event,
    const protocol::StateReport* report)
{
    return must(plane->change([&](Work& work) -> Result<server::Verdict> {
        auto stages = SLIPWAY_TRY(work.records.stages_of_run(run_id));
        return SLIPWAY_TRY(apply_event(work, stages.at(index), event, report)).verdict;
    }));
}

void ControlDesk::accept(const Stage& stage)
{
    apply(stage.run_id, static_cast<std::size_t>(stage.ordinal),
        server::Accept{.worker = worker.id, .fence = stage.core.fence, .run_limit = 60'000});
}

void ControlDesk::report(const Stage& stage, protocol::StateReport report)
{
    report.fence = stage.core.fence;
    const auto index = static_cast<std::size_t>(stage.ordinal);
    report.sequence = this->stage(stage.run_id, index).sequence + 1;
    server::Event event = server::Renew{.worker = worker.id, .fence = report.fence, .started = true};
    if (report.event == protocol::StageEvent::started)
        event = server::Started{.worker = worker.id, .fence = report.fence};
    if (report.event == protocol::StageEvent::finished)
        event = server::Finish{.worker = worker.id, .fence = report.fence, .outcome = report.outcome};
    apply(stage.run_id, index, event, &report);
}

void ControlDesk::begin(const Stage& stage, const std::string& phase)
{
    accept(stage);
    report(stage, {.event = protocol::StageEvent::started, .image_id = "sha256:image"});
    report(stage, {.event = protocol::StageEvent::phase, .phase = phase});
}

void ControlDesk::finish(const Stage& stage, protocol::Outcome outcome, const std::string& cause)
{
    const bool good = outcome == protocol::Outcome::succeeded;
    report(stage,
        {.event = protocol::StageEvent::finished,
            .outcome = outcome,
            .exit_code = good ? 0 : 1,
            .cause = cause,
            .workspace = good ? "workspace" : ""});
}

void ControlDesk::plan(const std::string& run_id)
{
    const auto granted = grant();
    if (!granted || granted->run_id != run_id)
        throw std::runtime_error{"the plan was not granted"};
    begin(*granted, "plan");
    finish(*granted, protocol::Outcome::succeeded);
}

void ControlDesk::act(const std::string& run_id, Result<void> (*decide)(Work&, Run&))
{
    must(plane->change_records([&](Work& work) -> Result<void> {
        auto run = SLIPWAY_TRY(work.records.run(run_id));
        return decide(work, *run);
    }));
}

void ControlDesk::advance(std::chrono::milliseconds time)
{
    for (; time.count() > 0; time -= std::chrono::seconds{1}) {
        clock.advance(std::min<std::chrono::milliseconds>(time, std::chrono::seconds{1}));
        plane->tick();
    }
}

} // namespace slipway::test
