#include "launcher/vela/dotenv.h"

#include "launcher/value_syntax.h"

#include <algorithm>
#include <optional>

namespace slipway::vela {

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

/// A file of variables is small; what refers to itself must not grow without end.
constexpr std::size_t kLongestValue = 64 * 1024;

bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view value_of(const Variables& variables, std::string_view name)
{
    const auto found = std::ranges::find(variables, name, &Variables::value_type::first);
    return found == variables.end() ? std::string_view{} : std::string_view{found->second};
}

/// Fills in what a '$' at the front of `text` names, and takes it from there.
void take_reference(std::string_view& text, const Variables& variables, std::string& out)
{
    auto rest = text.substr(1);
    const bool braced = rest.starts_with('{');
    if (braced)
        rest.remove_prefix(1);
    const auto length
        = static_cast<std::size_t>(std::find_if_not(rest.begin(), rest.end(), is_name_byte) - rest.begin());
    const bool closed = !braced || (length < rest.size() && rest[length] == '}');
    if (length == 0 || !closed) {
        out += '$';
        text.remove_prefix(1);
        return;
    }
    if (out.size() < kLongestValue)
        out += value_of(variables, rest.substr(0, length));
    text = rest.substr(length + (braced ? 1 : 0));
}

char unescaped(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/// Whether nothing but a comment follows a closing quote.
bool is_end(std::string_view rest)
{
    rest = launcher::trimmed(rest);
    return rest.empty() || rest.front() == '#';
}

std::optional<std::string> double_quoted(std::string_view text, const Variables& variables)
{
    std::string out;
    while (!text.empty() && text.front() != '"') {
        if (text.front() == '$') {
            take_reference(text, variables, out);
            continue;
        }
        const bool escape = text.front() == '\\' && text.size() > 1;
        out += escape ? unescaped(text[1]) : text.front();
        text.remove_prefix(escape ? 2 : 1);
    }
    if (text.empty() || !is_end(text.substr(1)))
        return std::nullopt;
    return out;
}

std::string bare(std::string_view text, const Variables& variables)
{
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    for (std::size_t at = 0; at < text.size(); ++at)
        if (text[at] == '#' && (at == 0 || blank(text[at - 1]))) {
            text = text.substr(0, at);
            break;
        }
    text = launcher::trimmed(text);
    std::string out;
    while (!text.empty()) {
        if (text.front() == '$') {
            take_reference(text, variables, out);
            continue;
        }
        out += text.front();
        text.remove_prefix(1);
    }
    return out;
}

std::optional<std::string> read_value(std::string_view text, const Variables& variables)
{
    text = launcher::trimmed(text);
    if (text.starts_with('"'))
        return double_quoted(text.substr(1), variables);
    if (text.starts_with('\'')) {
        const auto end = text.find('\'', 1);
        if (end == std::string_view::npos || !is_end(text.substr(end + 1)))
            return std::nullopt;
        return std::string{text.substr(1, end - 1)};
    }
    return bare(text, variables);
}

/// False: the line is no assignment.
bool read_line(std::string_view line, Variables& variables)
{
    line = launcher::trimmed(line);
    if (line.empty() || line.front() == '#')
        return true;
    if (line.starts_with("export "))
        line = launcher::trimmed(line.substr(7));
    const auto end = line.find_first_of("=:");
    if (end == std::string_view::npos)
        return false;
    const auto name = launcher::trimmed(line.substr(0, end));
    auto value = read_value(line.substr(end + 1), variables);
    if (!launcher::is_variable_name(name) || !value)
        return false;
    std::erase_if(variables, [name](const auto& variable) { return variable.first == name; });
    variables.emplace_back(name, *std::move(value));
    return true;
}

} // namespace

DotEnv read_dotenv(std::string_view text)
{
    DotEnv file;
    if (text.starts_with("\xEF\xBB\xBF"))
        text.remove_prefix(3);
    for (int number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        if (!read_line(text.substr(0, end), file.variables))
            file.unread_lines.push_back(number);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return file;
}

} // namespace slipway::vela
