#include "common/json.h"
#include "launcher/vela/build_run.h"

#include <algorithm>
#include <cstdlib>

namespace slipway::vela {

namespace {

/// As Docker's own client shows it.
std::string for_people(const std::string& json)
{
    const auto document = JsonDocument::parse(json);
    return (document ? document->root().dump_indented() : json) + "\n";
}

std::int64_t begun(const BuildJournal& journal)
{
    const auto text = journal.find("begun");
    return text ? std::strtoll(text->c_str(), nullptr, 10) : 0;
}

} // namespace

void BuildRun::make_parts()
{
    name_containers(pipeline_, item_.build.build_name());
    {
        const std::lock_guard lock{context_.mutex};
        context_.scm_token = pipeline_.token;
        context_.scm_token_exp = pipeline_.token_exp;
    }
    for (const auto& service : pipeline_.services)
        services_flows_.push_back(
            std::make_unique<StepFlow>(context_, sidecar_, ContainerKind::service, service, ""));
    const auto add = [&](const Container& step, const std::string& stage) {
        steps_.push_back(std::make_unique<StepFlow>(context_, sidecar_, ContainerKind::step, step, stage));
        return steps_.back().get();
    };
    for (const auto& step : pipeline_.steps)
        add(step, "");
    for (const auto& stage : pipeline_.stages) {
        StageFlows flows{
            .steps = {}, .independent = stage.independent, .status = std::string{status::kRunning}};
        for (const auto& step : stage.steps)
            flows.steps.push_back(add(step, stage.name));
        stages_.push_back(std::move(flows));
    }
    if (!pipeline_.stages.empty())
        order_.emplace(pipeline_.stages);
    for (const auto& secret : pipeline_.secrets) {
        if (secret.origin)
            plugins_.push_back(std::make_unique<SecretPlugin>(context_, sidecar_, *secret.origin));
        else if (secret.lazy)
            context_.lazy_secrets.push_back(secret);
    }
    JsonWriter json;
    json.begin_object().field("id", context_.pipeline_id).field("version", "1").key("steps").begin_array();
    for (const auto& step : steps_)
        json.begin_object()
            .field("id", step->container().id)
            .field("name", step->container().name)
            .field("image", step->container().image)
            .field("number", step->container().number)
            .end_object();
    json.end_array().end_object();
    const std::lock_guard lock{mutex_};
    pipeline_json_ = json.take();
}

Result<void> BuildRun::open_logs()
{
    for (const auto& flows : {&services_flows_, &steps_})
        for (const auto& flow : *flows)
            SLIPWAY_TRY(flow->open());
    const auto init = std::ranges::find_if(steps_, [](const auto& step) { return step->is_init(); });
    if (init == steps_.end())
        return {};
    const auto& container = (*init)->container();
    init_log_ = SLIPWAY_TRY(ContainerLog::open(journal_.directory() / "init",
        {.server = services_.server,
            .token = [this] { return context_.token; },
            .build = item_.build.build_name(),
            .clock = services_.clock,
            .logger = logger_},
        ContainerKind::step, container.number));
    const auto stage = container.environment.find("VELA_STEP_STAGE");
    init_row_ = std::make_unique<Row>(
        context_, ContainerKind::step, container, stage == container.environment.end() ? "" : stage->second);
    return {};
}

void BuildRun::tell(std::string_view key, std::string_view text)
{
    if (!init_log_)
        return;
    if (const auto told = init_log_->append(text_identity(key), text); !told)
        logger_.warn("the log of the init step", told.error());
}

/// The build is running from the instant at which the first process of ours took it.
void BuildRun::create()
{
    const auto known = begun(journal_);
    const auto now = known != 0 ? known : now_seconds(services_.clock);
    if (known == 0)
        if (const auto kept = journal_.put("begun", std::to_string(now), BuildJournal::Sync::later); !kept)
            logger_.warn("the journal of a build", kept.error());
    {
        const std::lock_guard lock{context_.mutex};
        auto& build = context_.build;
        if (build.status != status::kCanceled)
            build.status = status::kRunning;
        build.started = now;
        build.host = services_.facts.host;
        build.runtime = "docker";
        build.distribution = "linux";
    }
    const auto limit = item_.build.repo.timeout > 0
        ? std::chrono::milliseconds{std::chrono::minutes{item_.build.repo.timeout}}
        : services_.options.build_timeout;
    context_.deadline = std::chrono::system_clock::time_point{std::chrono::seconds{now}} + limit;
    timer_ = std::jthread{[this](std::stop_token stop) {
        for (;;) {
            const auto left = context_.deadline - services_.clock.wall();
            if (left <= std::chrono::seconds{0}) {
                context_.end_early(Ending::timed_out);
                return;
            }
            // The wall clock may step: look again now and then.
            if (services_.clock.sleep_for(
                    std::min<std::chrono::nanoseconds>(left, std::chrono::seconds{5}), stop)
                == Clock::Slept::stopped)
                return;
        }
    }};
    if (known == 0)
        logger_.info("a build begins");
    context_.tell_build("running");
    if (init_row_)
        init_row_->begin();
    if (init_log_)
        shipper_.add(*init_log_);
}

Result<void> BuildRun::plan(std::stop_token stop)
{
    tell("worker",
        "> Worker Information:\n Host: " + services_.facts.host + "\n Version: " + services_.facts.version
            + "\n Runtime: docker\n");
    tell("network", "> Inspecting runtime network...\n$ docker network inspect " + context_.kit.place + "\n");
    const auto network = network_.get();
    const auto volume = volume_.get();
    if (!network)
        return Error{network.error().code(), "unable to create network: " + network.error().message()};
    tell("network.shown", for_people(*network));
    tell("volume", "> Inspecting runtime volume...\n$ docker volume inspect " + context_.kit.place + "\n");
    if (!volume)
        return Error{volume.error().code(), "unable to create volume: " + volume.error().message()};
    tell("volume.shown", for_people(*volume));
    tell("secrets", "> Preparing secrets...\n");
    for (const auto& secret : pipeline_.secrets) {
        if (secret.origin)
            continue;
        if (secret.lazy) {
            tell("secret." + secret.name, "> Skipping pull: secret <" + secret.name + "> lazy loaded\n");
            continue;
        }
        SLIPWAY_TRY(fetch_secret(
            context_, secret, [&](std::string_view text) { tell("secret." + secret.name, text); }, stop));
    }
    return {};
}

Result<void> BuildRun::assemble(std::stop_token stop)
{
    const auto say = [this](std::string_view key, std::string_view text) { tell(key, text); };
    tell("services", "> Preparing service images...\n");
    for (const auto& service : services_flows_) {
        SLIPWAY_TRY(service->assemble(say));
        service->make_ahead();
    }
    tell("stages", "> Preparing stage images...\n");
    for (std::size_t index = 0; index < stages_.size(); ++index) {
        const auto& name = pipeline_.stages[index].name;
        if (name == "init")
            continue;
        tell("stage." + name, "> Preparing step images for stage " + name + "...\n");
        for (auto* step : stages_[index].steps)
            SLIPWAY_TRY(step->assemble(say));
    }
    tell("steps", "> Preparing step images...\n");
    bool first = true;
    if (stages_.empty())
        for (const auto& step : steps_) {
            if (step->is_init())
                continue;
            SLIPWAY_TRY(step->assemble(say));
            if (std::exchange(first, false))
                step->make_ahead();
        }
    std::vector<std::string> ready;
    for (const auto& step : steps_)
        if (auto image = step->ready_image())
            ready.push_back(*std::move(image));
    services_.kits.learn(std::move(ready));
    tell("secret images", "> Preparing secret images...\n");
    for (const auto& plugin : plugins_)
        SLIPWAY_TRY(plugin->assemble(say));
    if (sidecar_.is_on())
        SLIPWAY_TRY(sidecar_.fetch([](std::string_view) {}, std::move(stop)));
    return {};
}

} // namespace slipway::vela
