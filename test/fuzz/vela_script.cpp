#include "common/base64.h"
#include "launcher/vela/prepare.h"
#include "launcher/vela/script.h"

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

/// A word as a POSIX shell reads it (XCU 2.2): quotes, backslashes and nothing else that is special.
std::string read_word(std::string_view word)
{
    std::string text;
    bool quoted = false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (word[i] == '\'')
            quoted = !quoted;
        else if (quoted)
            text += word[i];
        else if (word[i] == '\\' && i + 1 < word.size())
            text += word[++i];
        else
            std::abort();
    }
    if (quoted)
        std::abort();
    return text;
}

} // namespace

/// A quoted word is read as it was; a command stands in the script as it is, and its trace in one line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string text{reinterpret_cast<const char*>(data), size};
    if (read_word(slipway::vela::shell_word(text)) != text)
        std::abort();
    slipway::vela::Container container;
    container.commands = {text};
    slipway::vela::apply_script(container);
    const auto coded = container.environment.find("VELA_BUILD_SCRIPT");
    if (coded == container.environment.end())
        std::abort();
    const auto script = slipway::base64_decode(coded->second);
    if (!script || !script->ends_with("\n" + text + "\n"))
        std::abort();
    const auto before = std::string_view{*script}.substr(0, script->size() - text.size() - 2);
    const auto trace = before.substr(before.rfind('\n') + 1);
    constexpr std::string_view kPrint = "printf '%s\\n' ";
    if (!trace.starts_with(kPrint) || !read_word(trace.substr(kPrint.size())).starts_with("$ "))
        std::abort();
    return 0;
}
