#include "launcher/vela/build_run.h"

namespace slipway::vela {

Result<void> BuildRun::run_plugins(std::stop_token leave)
{
    tell("executing secrets", "> Executing secret images...\n");
    const auto say = [this](std::string_view key, std::string_view text) { tell(key, text); };
    for (const auto& plugin : plugins_)
        SLIPWAY_TRY(plugin->run(say, leave));
    return {};
}

Result<void> BuildRun::execute(std::stop_token leave)
{
    if (sidecar_.is_on())
        SLIPWAY_TRY(in("the outputs sidecar", sidecar_.start(context_.work.get_token())));
    if (auto run = run_plugins(leave); !run) {
        if (run.error().code() != Errc::cancelled) {
            const std::lock_guard lock{context_.mutex};
            context_.build.status = status::kFailure;
        }
        return run;
    }
    if (init_row_)
        init_row_->finish(status::kSuccess, 0, "");
    if (init_log_)
        shipper_.finish(*init_log_);
    for (const auto& service : services_flows_)
        SLIPWAY_TRY(service->run(build_status(), leave));
    if (!stages_.empty()) {
        run_stages(leave);
        return leave.stop_requested() ? Error{Errc::cancelled, "stopped"} : Result<void>{};
    }
    return run_steps(std::move(leave));
}

StatusView BuildRun::build_status()
{
    return {.get =
                [this] {
                    const std::lock_guard lock{context_.mutex};
                    return context_.build.status;
                },
        .failed =
            [this] {
                const std::lock_guard lock{context_.mutex};
                if (context_.build.status != status::kCanceled)
                    context_.build.status = status::kFailure;
            }};
}

Result<void> BuildRun::run_steps(std::stop_token leave)
{
    for (std::size_t index = 0; index < steps_.size(); ++index) {
        if (leave.stop_requested())
            return Error{Errc::cancelled, "stopped"};
        if (context_.how_it_ends() != Ending::no)
            return {};
        if (index + 1 < steps_.size())
            steps_[index + 1]->make_ahead();
        SLIPWAY_TRY(steps_[index]->run(build_status(), leave));
    }
    return {};
}

Result<void> BuildRun::run_stage(std::size_t index, std::stop_token leave)
{
    auto& stage = stages_[index];
    auto status = build_status();
    if (stage.independent)
        status.get = [this, &stage] {
            const std::lock_guard lock{context_.mutex};
            return stage.status;
        };
    status.failed = [this, &stage, whole = status.failed] {
        {
            const std::lock_guard lock{context_.mutex};
            stage.status = status::kFailure;
        }
        whole();
    };
    for (std::size_t step = 0; step < stage.steps.size(); ++step) {
        if (leave.stop_requested() || context_.how_it_ends() != Ending::no)
            return {};
        if (step + 1 < stage.steps.size())
            stage.steps[step + 1]->make_ahead();
        SLIPWAY_TRY(stage.steps[step]->run(status, leave));
    }
    return {};
}

void BuildRun::run_stages(const std::stop_token& leave)
{
    std::vector<std::jthread> threads;
    for (std::size_t index = 0; index < stages_.size(); ++index)
        threads.emplace_back([this, index, leave] {
            order_->wait(index, context_.work.get_token());
            const auto done = run_stage(index, leave);
            if (!done && done.error().code() != Errc::cancelled)
                context_.fail(done.error().message());
            order_->finished(index);
        });
    threads.clear(); // joins
}

} // namespace slipway::vela
