#include "launcher/masking/masker.h"

#include "test/support/mask_reference.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// The first line holds the values, separated by commas; a byte then tells how the rest, a log, is cut.
/// Without patterns it must come out as from the reference; with them, the same however it is cut.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway;
    using namespace slipway::launcher;
    if (size > 4096)
        return 0;
    std::string_view input{reinterpret_cast<const char*>(data), size};
    std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    std::vector<std::string> values;
    while (!line.empty() && values.size() < 8) {
        const auto value = line.substr(0, line.find(','));
        values.emplace_back(value);
        line.remove_prefix(std::min(value.size() + 1, line.size()));
    }
    std::size_t step = 1;
    if (!input.empty()) {
        step = 1 + static_cast<unsigned char>(input.front()) % 64U;
        input.remove_prefix(1);
    }
    const std::vector<std::string_view> views{values.begin(), values.end()};
    for (const bool patterns : {false, true}) {
        const auto rules = make_mask_rules(views, patterns);
        Masker whole{rules};
        std::string expected;
        whole.push(input, expected);
        whole.finish(expected);
        Masker cut{rules};
        std::string out;
        for (std::size_t at = 0; at < input.size(); at += step)
            cut.push(input.substr(at, step), out);
        cut.finish(out);
        if (out != expected)
            std::abort();
        if (!patterns && out != test::masked_log_by_reference(input, values, kStars))
            std::abort();
    }
    return 0;
}
