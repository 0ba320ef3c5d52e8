#include "launcher/vela/script.h"

#include "common/base64.h"
#include "common/utf8.h"
#include "launcher/vela/prepare.h"

namespace slipway::vela {

namespace {

constexpr std::string_view kRun = "echo $VELA_BUILD_SCRIPT | base64 -d | /bin/sh -e";

/// The password is written to a file that nobody else can read, not even for a moment. A user without a home
/// that can be written goes without: not every step fetches sources.
constexpr std::string_view kStart = R"((umask 077
mkdir -p "$HOME" 2>/dev/null
: >>"$HOME/.netrc" && chmod 0600 "$HOME/.netrc" &&
printf 'machine %s\nlogin %s\npassword %s\n' "$VELA_NETRC_MACHINE" "$VELA_NETRC_USERNAME" "$VELA_NETRC_PASSWORD" >"$HOME/.netrc"
) 2>/dev/null || echo "slipway: $HOME/.netrc cannot be written" >&2
unset VELA_NETRC_MACHINE VELA_NETRC_USERNAME VELA_NETRC_PASSWORD VELA_BUILD_SCRIPT
)";

/// One line, whatever the command holds; tabs as "\t", as the original shows them.
std::string trace_of(std::string_view command)
{
    std::string line = "$ ";
    for (auto tab = command.find('\t'); tab != std::string_view::npos; tab = command.find('\t')) {
        line.append(escape_controls(command.substr(0, tab))).append("\\t");
        command.remove_prefix(tab + 1);
    }
    return line.append(escape_controls(command));
}

std::string script_of(const std::vector<std::string>& commands)
{
    std::string script{kStart};
    for (const auto& command : commands) {
        // Quoted, so that the shell runs nothing of it.
        script.append("printf '%s\\n' ").append(shell_word(trace_of(command))).append("\n");
        script.append(command).append("\n");
    }
    return script;
}

/// Servers before 0.28 hand out commands that are a script already.
bool is_script(const Container& container)
{
    return container.commands.size() == 1 && container.commands.front() == kRun
        && container.environment.contains("VELA_BUILD_SCRIPT");
}

} // namespace

std::string shell_word(std::string_view text)
{
    std::string word = "'";
    for (const char c : text) {
        if (c == '\'')
            word += "'\\''";
        else
            word += c;
    }
    return word += '\'';
}

void apply_script(Container& container)
{
    if (container.commands.empty() || is_script(container))
        return;
    auto& variables = container.environment;
    variables["VELA_BUILD_SCRIPT"] = base64_encode(script_of(container.commands));
    variables["SHELL"] = "/bin/sh";
    variables.try_emplace("HOME", container.user.empty() ? "/root" : "/home/" + container.user);
    container.entrypoint = {"/bin/sh", "-c"};
    container.commands = {std::string{kRun}};
}

} // namespace slipway::vela
