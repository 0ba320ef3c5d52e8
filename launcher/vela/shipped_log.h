#pragma once

#include "common/clock.h"
#include "launcher/vela/build_log.h"
#include "launcher/vela/log_body.h"
#include "launcher/vela/log_mask.h"

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <set>

namespace slipway::vela {

/// Gives the server the log as it is now.
using PutLog = std::function<Result<void>(http::ClientRequest::Body log, std::stop_token stop)>;

/// ContainerLog over this call.
class ShippedLog final : public ContainerLog {
public:
    /// Up to this size a log goes out within kOften of a change.
    static constexpr std::uint64_t kSmall = 256 * 1024;
    static constexpr std::chrono::seconds kOften{1};
    /// A larger one goes out that late when it has not grown by a quarter; for each kPerSeldom bytes that
    /// long once more.
    static constexpr std::chrono::seconds kSeldom{10};
    static constexpr std::uint64_t kPerSeldom = 16 * 1024 * 1024;

    /// `clock` outlives it.
    static Result<std::unique_ptr<ContainerLog>> open(
        const std::filesystem::path& directory, PutLog put, const Clock& clock, std::uint64_t max_size);

    ~ShippedLog() override;
    ShippedLog(const ShippedLog&) = delete;
    ShippedLog& operator=(const ShippedLog&) = delete;

    [[nodiscard]] launcher::Spool& spool() override { return spool_; }

    Result<void> append(std::uint32_t identity, std::string_view text) override
    {
        return spool_.append_once(identity, text);
    }

    void mask(const std::vector<std::string>& values) override;
    Result<std::chrono::milliseconds> ship(std::stop_token stop) override;
    Result<void> finish(std::stop_token stop) override;

private:
    ShippedLog(launcher::Spool spool, std::filesystem::path directory, PutLog put, const Clock& clock,
        std::uint64_t max_size);

    struct Mask {
        std::shared_ptr<const MaskedValues> values;
        std::uint64_t version = 0;
    };

    /// What the server has.
    struct Sent {
        std::uint64_t raw = 0; ///< So much of the spool.
        std::uint64_t version = 0; ///< Masked by these values.
        std::uint64_t bytes = 0; ///< Length of what was sent.
        bool full = false; ///< More of the log would not show.
        BootClock::time_point at;
    };

    [[nodiscard]] Mask current() const;
    [[nodiscard]] bool is_sent(std::uint64_t raw, std::uint64_t version) const;
    [[nodiscard]] BootClock::time_point due(std::uint64_t raw, std::uint64_t version) const;
    enum class Over : std::uint8_t { no, yes };
    Result<Over> fill(LogBody& body, std::uint64_t raw, const Mask& mask, bool complete) const;
    Result<void> send(bool complete, const std::stop_token& stop);

    launcher::Spool spool_;
    const std::filesystem::path directory_;
    const PutLog put_;
    const Clock& clock_;
    const std::uint64_t max_size_;

    std::mutex sending_; ///< Held while a log goes out; everything up to the next lock belongs to it.
    std::optional<Sent> sent_;

    mutable std::mutex mutex_;
    std::set<std::string> values_;
    Mask mask_;
};

} // namespace slipway::vela
