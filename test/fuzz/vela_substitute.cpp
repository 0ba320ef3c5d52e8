#include "launcher/vela/substitute.h"

#include <cstdint>
#include <cstdlib>

/// What holds nothing to expand is left alone; and what was expanded is no larger than it may be.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const slipway::vela::Variables variables{
        {"A", "alpha/beta.gamma"}, {"B", "\xff\xc3\xa4"}, {"C", std::string{text.substr(0, 64)}}, {"E", ""}};
    const auto expanded = slipway::vela::substitute(text, variables);
    if (text.find_first_of("$\\") == std::string_view::npos && (!expanded || *expanded != text))
        std::abort();
    if (expanded && expanded->size() > std::size_t{33} * 1024 * 1024)
        std::abort();
    return 0;
}
