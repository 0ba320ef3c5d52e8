#pragma once

#include "launcher/masking/needles.h"
#include "launcher/masking/stream_filter.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::vela {

/// What stands in place of a secret in a build's log.
inline constexpr std::string_view kBuildStars = "***";

/// Values that must not show. Immutable and thread-safe. Wipes what it knows when it is destroyed.
class MaskedValues {
public:
    MaskedValues() = default;
    /// White space around a value does not belong to it; of an empty one nothing is masked. One of four bytes
    /// or more is masked in all its forms (see add_forms), a shorter one as it stands.
    explicit MaskedValues(const std::vector<std::string_view>& values);
    MaskedValues(const MaskedValues&) = delete;
    MaskedValues& operator=(const MaskedValues&) = delete;
    ~MaskedValues();

    [[nodiscard]] const std::shared_ptr<const launcher::Needles>& needles() const { return needles_; }

    [[nodiscard]] const std::vector<std::string>& short_ones() const { return short_; }

private:
    void add(std::string_view value, std::vector<std::string>& forms);

    std::shared_ptr<const launcher::Needles> needles_ = std::make_shared<launcher::Needles>();
    std::vector<std::string> short_; ///< The longest first.
};

/// Masks these values and nothing else: what a job prints is otherwise as it was printed.
[[nodiscard]] std::unique_ptr<launcher::StreamFilter> make_log_mask(
    std::shared_ptr<const MaskedValues> values);

} // namespace slipway::vela
