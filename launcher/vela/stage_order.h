#pragma once

#include "launcher/vela/model.h"

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>
#include <vector>

namespace slipway::vela {

/// Which stage waits for which: each for all that it needs, wherever they stand; names that no stage has are
/// ignored. Completion releases, not success. Thread-safe.
class StageOrder {
public:
    /// A ring of stages that wait for each other is broken at the one that stands last.
    explicit StageOrder(const std::vector<Stage>& stages);

    /// Waits until what the stage needs is over, or a stop is requested.
    void wait(std::size_t stage, std::stop_token stop);
    void finished(std::size_t stage);

private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::vector<std::vector<std::size_t>> needs_;
    std::vector<bool> finished_;
};

} // namespace slipway::vela
