#pragma once

#include "common/clock.h"
#include "common/log.h"
#include "common/result.h"
#include "common/secret.h"
#include "launcher/spool.h"
#include "launcher/vela/model.h"
#include "launcher/vela/server.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::vela {

/// How logs go to the server.
struct LogShipping {
    Server& server;
    std::function<Secret()> token; ///< Of the build.
    BuildName build;
    const Clock& clock;
    Logger logger;
    std::uint64_t max_size = 0; ///< See Options::max_log_size.
};

/// The log of one container on its way to the server, which keeps it whole: each call replaces it. What a
/// container writes is in a spool on disk first, so that a crash loses nothing; what leaves is masked over
/// any cuts. A log that is small goes out within a second of a change; a large one when it has grown by a
/// quarter, or after ten seconds (and ten more for each 16 MiB), so that the sum of what is sent stays in
/// proportion to the log's size. A log over its cap is cut there and ends with a line that says so.
/// Thread-safe, but for `spool`'s own rules.
class ContainerLog {
public:
    /// Opens or makes the spool in `directory`.
    static Result<std::unique_ptr<ContainerLog>> open(const std::filesystem::path& directory,
        LogShipping shipping, ContainerKind kind, std::int64_t number);
    virtual ~ContainerLog() = default;

    /// What a container writes goes here.
    [[nodiscard]] virtual launcher::Spool& spool() = 0;
    /// A text of the worker's own; `identity`: as Spool::append_once, so that a repetition after a crash
    /// writes nothing twice.
    virtual Result<void> append(std::uint32_t identity, std::string_view text) = 0;
    /// Values that must not show, from now on and in what is there; empty ones are ignored. Stars: "***".
    virtual void mask(const std::vector<std::string>& values) = 0;
    /// What is in the log and the server has not: sent if it is due. Returns when
    /// it is due again. A failure is repeated by the next call.
    virtual Result<std::chrono::milliseconds> ship(std::stop_token stop) = 0;
    /// The log is complete: everything is sent, what the masker held back too. Repeats while the server is
    /// away, until `stop`.
    virtual Result<void> finish(std::stop_token stop) = 0;
};

} // namespace slipway::vela
