#pragma once

#include "common/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::test {

/// What happened to the stages of a test, collected from the outside (run documents of the REST API, logs,
/// times of containers) or from within, and whether it keeps the promise "nothing lost, nothing twice". A
/// fault test records while it goes and ends with `CHECK(history.problems().empty())`, or better
/// `CHECK(history.report() == "")`.
class History {
public:
    enum class Kind : std::uint8_t { write, read };

    /// Launchers die between the start of a container and its first command: the next one makes another, and
    /// what ran twice shows in the log alone.
    void let_starts_repeat() noexcept { starts_may_repeat_ = true; }

    /// A run frame was sent, or a container began to run the stage's first process, at `at` (any clock of the
    /// test).
    void started(std::string stage, Kind kind, std::string container, std::int64_t at);
    /// The container of a `started` stopped running.
    void exited(const std::string& container, std::int64_t at);
    /// A run document of GET /api/v1/runs/{id}: its `terminal`, and of each stage `id`, `kind`, `phase` and
    /// `attempts`.
    Result<void> run(std::string_view json);
    /// The log of `stage` must be exactly `expected`.
    void log(const std::string& stage, std::string_view actual, std::string_view expected);
    /// The lines of a ByteGenerator in `log`, which may hold other lines too, must be exactly `expected`.
    void generated_log(const std::string& stage, std::string_view log, std::string_view expected);

    /// One sentence for each broken promise, in a fixed order.
    [[nodiscard]] std::vector<std::string> problems() const;
    /// The same as one text, a line each; empty when all is well.
    [[nodiscard]] std::string report() const;

private:
    struct Execution {
        std::string stage;
        Kind kind = Kind::write;
        std::string container;
        std::int64_t from = 0;
        std::optional<std::int64_t> to;
    };

    bool starts_may_repeat_ = false;

    void check_started_once(std::vector<std::string>& found) const;
    void check_overlap(std::vector<std::string>& found) const;

    std::vector<Execution> executions_;
    std::vector<std::string> noted_; ///< Problems that were plain when they were recorded.
};

/// The first place where two texts differ, with its line and some bytes around it from both; empty: they are
/// equal.
[[nodiscard]] std::string first_difference(std::string_view actual, std::string_view expected);

} // namespace slipway::test
