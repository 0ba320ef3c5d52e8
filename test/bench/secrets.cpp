#include "test/bench/secrets.h"

namespace slipway::bench {

std::vector<std::pair<std::string, std::string>> secrets()
{
    std::vector<std::pair<std::string, std::string>> list;
    for (int i = 0; i < kSecrets; ++i) {
        const std::string number = std::to_string(i);
        list.emplace_back("MASKED_" + number, "value-" + std::to_string(i * 7919) + "-of-a-secret-" + number);
    }
    return list;
}

std::vector<std::pair<std::string, std::string>> masked_environment(
    std::vector<std::pair<std::string, std::string>> more)
{
    std::string names;
    for (auto& [name, value] : secrets()) {
        names += (names.empty() ? "" : ",") + name;
        more.emplace_back(std::move(name), std::move(value));
    }
    more.emplace_back("SPACELIFT_MASK_ENVS", names);
    more.emplace_back("SLIPWAY_LOG_QUOTA", "none");
    return more;
}

} // namespace slipway::bench
