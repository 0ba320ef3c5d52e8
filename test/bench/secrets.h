#pragma once

#include <string>
#include <utility>
#include <vector>

namespace slipway::bench {

inline constexpr int kSecrets = 100;

/// Names and values of what is masked while a benchmark measures.
std::vector<std::pair<std::string, std::string>> secrets();

/// `more`, and a launcher's environment that gives jobs those secrets and sets their logs no limit.
std::vector<std::pair<std::string, std::string>> masked_environment(
    std::vector<std::pair<std::string, std::string>> more = {});

} // namespace slipway::bench
