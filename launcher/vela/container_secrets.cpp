#include "launcher/vela/prepare.h"

#include <algorithm>
#include <set>

namespace slipway::vela {

namespace {

/// A line that is part of a secret. A shorter one ("}", "--") is no secret, and masked it would garble
/// the log.
constexpr std::size_t kLeastLine = 4;

std::string variable(const Container& container, std::string_view name)
{
    const auto found = container.environment.find(name);
    return found == container.environment.end() ? std::string{} : found->second;
}

bool allows_event(const SecretValue& secret, const Container& container)
{
    const auto event = variable(container, "VELA_BUILD_EVENT");
    const auto action = variable(container, "VELA_BUILD_EVENT_ACTION");
    const auto whole = action.empty() ? event : event + ":" + action;
    // These are listed without the action that they always have.
    const bool plain = event == "deployment" || event == "schedule";
    return std::ranges::any_of(secret.allow_events, [&](const std::string& allowed) {
        return !allowed.empty() && (allowed == whole || (plain && allowed == event));
    });
}

bool allows_image(const SecretValue& secret, const Container& container)
{
    bool any = true;
    for (const auto& image : secret.images) {
        if (image.empty())
            continue;
        if (container.image.starts_with(image))
            return true;
        any = false;
    }
    return any;
}

bool matches(const SecretValue& secret, const Container& container)
{
    const bool has_commands = !container.commands.empty() || !container.entrypoint.empty();
    return (secret.allow_command || !has_commands) && allows_event(secret, container)
        && allows_image(secret, container);
}

/// As the original does before substitution: "\n" becomes a backslash and a line's end.
std::string with_line_ends(std::string value)
{
    if (value.find("\\\\n") != std::string::npos)
        return value;
    for (auto at = value.find("\\n"); at != std::string::npos; at = value.find("\\n", at + 2))
        value[at + 1] = '\n';
    return value;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

std::string_view trimmed(std::string_view text, std::string_view of)
{
    const auto first = text.find_first_not_of(of);
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, text.find_last_not_of(of) + 1 - first);
}

/// The forms in which a log may show a value.
void add_forms(std::set<std::string>& forms, std::string_view value)
{
    while (value.ends_with('\n') || value.ends_with('\r'))
        value.remove_suffix(1);
    if (is_blank(value))
        return;
    forms.emplace(value);
    if (value.find('\n') == std::string_view::npos)
        return;
    // As a shell shows it that takes it apart into words.
    std::string joined{value};
    std::ranges::replace(joined, '\n', ' ');
    forms.insert(std::move(joined));
    while (!value.empty()) {
        const auto end = std::min(value.find('\n'), value.size());
        const auto line = trimmed(value.substr(0, end), " \t\r");
        if (line.size() >= kLeastLine)
            forms.emplace(line);
        value.remove_prefix(std::min(end + 1, value.size()));
    }
}

} // namespace

void inject_secrets(
    Container& container, const std::map<std::string, SecretValue>& fetched, Substitutable which)
{
    // Matched before any is set: a secret must not decide what event another one sees.
    Variables found;
    for (const auto& [source, target] : container.secrets) {
        const auto secret = fetched.find(source);
        if (secret == fetched.end() || target.empty()
            || secret->second.allow_substitution != (which == Substitutable::yes)
            || !matches(secret->second, container))
            continue;
        std::string value{secret->second.value.reveal()};
        found[target] = which == Substitutable::yes ? with_line_ends(std::move(value)) : std::move(value);
    }
    for (auto& [target, value] : found)
        container.environment[target] = std::move(value);
}

std::vector<std::string> masked_values(const Container& container, const std::vector<std::string>& more)
{
    std::set<std::string> forms;
    for (const auto& secret : container.secrets)
        add_forms(forms, variable(container, secret.target));
    for (const auto& value : more)
        add_forms(forms, value);
    // The longest first, so that no part of one stays when another lies within it.
    std::vector<std::string> values{forms.begin(), forms.end()};
    std::ranges::stable_sort(values, std::ranges::greater{}, &std::string::size);
    return values;
}

} // namespace slipway::vela
