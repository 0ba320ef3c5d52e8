#include "launcher/policy/run_policy.h"

#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto verdict = slipway::launcher::parse_policy_answer({reinterpret_cast<const char*>(data), size});
    if (verdict)
        (void)slipway::launcher::sample_line("{}", *verdict);
    return 0;
}
