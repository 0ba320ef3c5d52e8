#pragma once

#include "launcher/job_host.h"
#include "launcher/vela/build_context.h"
#include "launcher/vela/prepare.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::vela {

/// The container beside the steps from which outputs and artifacts are read. Thread-safe.
class OutputsSidecar {
public:
    explicit OutputsSidecar(BuildContext& context)
        : context_{context}
    {
    }

    /// Whether the operator has set an image for it.
    [[nodiscard]] bool is_on() const { return !context_.services.options.outputs_image.empty(); }

    /// Finds or fetches the image; `tell` gets lines for people.
    Result<void> fetch(const std::function<void(std::string_view)>& tell, std::stop_token stop);
    /// Makes the container, or takes it over, and the directory of outputs.
    Result<void> start(std::stop_token stop);
    /// What steps have written so far.
    Result<Outputs> read(std::stop_token stop);
    /// Brings a step's artifacts to the storage of the server. What goes wrong with one is logged.
    void upload(const Container& step, std::stop_token stop);
    Result<void> remove(std::stop_token stop);

private:
    struct Done {
        int code = 0;
        std::string output;
    };

    Result<Done> run(std::vector<std::string> argv, std::string_view directory, std::stop_token stop);
    Result<std::vector<std::string>> find(
        const std::string& workspace, const std::string& pattern, std::stop_token stop);
    Result<void> upload_file(const std::string& path, std::stop_token stop);

    BuildContext& context_;
    BuildImage image_;
    std::mutex mutex_; ///< Held for each use of the slot.
    std::unique_ptr<launcher::JobSlot> slot_;
    std::string container_;
    int seq_ = 0;
    std::uint64_t taken_ = 0; ///< Bytes of output.
    std::uint64_t uploaded_ = 0; ///< Bytes of artifacts of this build.
};

} // namespace slipway::vela
