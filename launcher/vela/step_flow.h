#pragma once

#include "launcher/vela/build_context.h"
#include "launcher/vela/container_run.h"
#include "launcher/vela/outputs_sidecar.h"
#include "launcher/vela/row.h"

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace slipway::vela {

/// Whose status decides whether a step runs, and is changed when it fails.
struct StatusView {
    std::function<std::string()> get;
    std::function<void()> failed;
};

/// One step or service of a build on its way: its image, its variables and secrets, its container, its log
/// and its row. One thread, the one of its stage; what runs beside it is its own.
class StepFlow {
public:
    /// `stage`: the name of its stage, or empty.
    StepFlow(BuildContext& context, OutputsSidecar& sidecar, ContainerKind kind, Container container,
        std::string stage);

    /// Opens the log. Before everything else.
    Result<void> open();
    /// Finds or fetches the image, unless its time is at the start; and refuses a privileged image of a
    /// repository that is not trusted.
    Result<void> assemble(const std::function<void(std::string_view key, std::string_view text)>& tell);
    /// Begins to make the container, so that it is there when its turn comes.
    void make_ahead();
    /// Of a step: whether its turn is skipped, else to its end. Of what is detached: until it runs. A
    /// failure ends the build with an error; a command that fails does not.
    Result<void> run(const StatusView& status, std::stop_token leave);
    /// The build is over: log and row get their last words.
    void settle(const std::stop_token& leave);
    /// Its image, when a container that was made for any build does for it.
    [[nodiscard]] std::optional<std::string> ready_image() const;
    /// Lets go of the container, so that it can be removed.
    void release();
    /// Kills what still runs, and removes the container.
    void remove(std::stop_token leave);

    [[nodiscard]] const Container& container() const noexcept { return container_; }

    [[nodiscard]] bool is_init() const { return container_.name == "init" || container_.image == "#init"; }

private:
    [[nodiscard]] bool is_service() const { return kind_ == ContainerKind::service; }

    [[nodiscard]] bool is_detached() const { return is_service() || container_.detach; }

    enum class Turn : std::uint8_t { taken, skipped };
    Result<Turn> take_turn(const StatusView& status);
    Result<void> fill();
    Result<void> merge_outputs();
    Result<void> add_token();
    Result<void> add_lazy_secrets();
    Result<void> execute(const StatusView& status, std::stop_token leave);
    void take_end(const RunEnd& end, const StatusView& status);
    Result<void> fail(const Error& error);
    Result<BuildImage> fetch_at_start();
    void tell_own_state();
    Result<BuildImage> fetch(Fetch how, const std::function<void(std::string_view)>& progress);

    BuildContext& context_;
    OutputsSidecar& sidecar_;
    const ContainerKind kind_;
    Container container_;
    const std::string stage_;
    const std::string name_; ///< In the journal.
    Row row_;
    std::unique_ptr<ContainerLog> log_;
    std::optional<ContainerRun> run_;
    std::optional<BuildImage> image_;
    bool privileged_ = false;
    std::future<Result<void>> ahead_;
    std::optional<int> code_; ///< Of what ended by itself.
    std::jthread follower_; ///< Of what is detached.
};

/// Fetches a secret into the context. `tell` gets the words of the log.
[[nodiscard]] Result<void> fetch_secret(BuildContext& context, const PipelineSecret& secret,
    const std::function<void(std::string_view text)>& tell, std::stop_token stop);

} // namespace slipway::vela
