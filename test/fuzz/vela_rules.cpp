#include "launcher/vela/path_match.h"
#include "launcher/vela/ruleset.h"

#include <cstdint>
#include <cstdlib>

/// The first line is a pattern or an expression, the rest is what it is held against. A pattern is malformed
/// or not, whatever the name; and without anything special in it, it matches itself alone.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace slipway::vela;
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto end = std::min(bytes.find('\n'), bytes.size());
    const auto pattern = bytes.substr(0, end);
    const auto name = bytes.substr(std::min(end + 1, bytes.size()));
    const auto matches = path_match(pattern, name);
    if (matches.has_value() != path_match(pattern, "").has_value())
        std::abort();
    if (pattern.find_first_of("*?[\\") == std::string_view::npos
        && (!matches || (*matches == Matches::yes) != (pattern == name)))
        std::abort();
    (void)is_privileged(name, {std::string{pattern}});
    (void)evaluate(pattern, {{"A", std::string{name}}, {"N", "7"}});
    return 0;
}
