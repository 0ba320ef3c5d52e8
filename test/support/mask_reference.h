#pragma once

#include "launcher/masking/needles.h"

#include <string>
#include <string_view>
#include <vector>

namespace slipway::test {

/// What masking a whole text by these needles must give, worked out byte by byte.
std::string masked_by_reference(
    std::string_view text, const std::vector<launcher::Needle>& needles, std::string_view stars);

/// The same with the lines `::add-mask` of the text, and without patterns.
std::string masked_log_by_reference(
    std::string_view log, const std::vector<std::string>& values, std::string_view stars);

} // namespace slipway::test
