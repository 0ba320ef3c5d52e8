#pragma once

#include "common/clock.h"
#include "common/random.h"
#include "mothership/store.h"

#include <string>
#include <string_view>
#include <vector>

namespace slipway::mothership {

/// What one decision may use and what it leaves behind: the records, the time, and whom to wake when it is
/// durable. Lives within one transaction.
struct Work {
    Transaction& records;
    Millis now; ///< Served time.
    std::int64_t wall_ms; ///< For people.
    const protocol::Terms& terms;
    const Clock& clock;
    Random& random;

    /// Topics of parked requests to wake after the commit.
    std::vector<std::string> topics;
    /// Sentences for the operators, logged after the commit.
    std::vector<std::string> alarms;

    [[nodiscard]] std::string new_id() const;

    void wake(std::string topic) { topics.push_back(std::move(topic)); }
};

/// Secrets that others show: twice as many lower case digits.
[[nodiscard]] std::string random_hex(Random& random, std::size_t bytes);

[[nodiscard]] std::string pool_topic(std::string_view pool_id);
[[nodiscard]] std::string worker_topic(std::string_view worker_id);
[[nodiscard]] std::string run_topic(std::string_view run_id);
[[nodiscard]] std::string log_topic(std::string_view run_id);

} // namespace slipway::mothership
