#include "launcher/vela/option_inputs.h"

#include "launcher/vela/dotenv.h"

#include <algorithm>

namespace slipway::vela {

namespace {

constexpr std::string_view kBackendFlag = "backend";
constexpr std::string_view kBackendVariable = "SLIPWAY_BACKEND";
constexpr std::string_view kDotEnv = ".env";

/// Variables of the file that the environment does not have.
void add_dotenv(Inputs& inputs)
{
    if (!inputs.sources->read_file)
        return;
    const auto text = inputs.sources->read_file(std::string{kDotEnv});
    if (!text)
        return;
    auto file = read_dotenv(*text);
    for (auto& [name, value] : file.variables)
        if (!inputs.variable(name))
            inputs.dotenv.emplace_back(std::move(name), std::move(value));
    for (const int line : file.unread_lines)
        inputs.warnings.push_back(
            std::string{kDotEnv} + ": line " + std::to_string(line) + " is no NAME=value and has no effect");
}

/// "--name", "--name=value" or, as the original takes it too, with one dash.
struct Word {
    std::string_view name;
    std::optional<std::string_view> value;
};

std::optional<Word> flag_of(std::string_view argument)
{
    if (!argument.starts_with('-'))
        return std::nullopt;
    argument.remove_prefix(argument.starts_with("--") ? 2 : 1);
    const auto equal = argument.find('=');
    if (equal == std::string_view::npos)
        return Word{argument, std::nullopt};
    return Word{argument.substr(0, equal), argument.substr(equal + 1)};
}

/// Takes one flag and its value; returns how many arguments that were.
std::size_t take_flag(Inputs& inputs, const std::vector<std::string>& arguments, std::size_t at)
{
    const auto flag = flag_of(arguments[at]);
    const OptionRow* row = flag ? row_of_flag(flag->name) : nullptr;
    const bool is_backend = flag && flag->name == kBackendFlag;
    if (row == nullptr && !is_backend) {
        // The value may be a secret: it is not kept.
        inputs.unknown_flags.push_back(flag ? "--" + std::string{flag->name} : arguments[at]);
        return 1;
    }
    std::string value{flag->value.value_or("true")};
    const bool takes_next = !flag->value && (row == nullptr || row->kind != Kind::boolean);
    if (takes_next && at + 1 == arguments.size()) {
        inputs.unknown_flags.push_back("--" + std::string{flag->name} + " without a value");
        return 1;
    }
    if (takes_next)
        value = arguments[at + 1];
    if (is_backend)
        inputs.backend = std::move(value);
    else
        inputs.flags.emplace_back(row, std::move(value));
    return takes_next ? 2 : 1;
}

/// Less one newline at its end, which editors and `echo` put there.
std::string without_newline(std::string text)
{
    if (text.ends_with('\n'))
        text.pop_back();
    if (text.ends_with('\r'))
        text.pop_back();
    return text;
}

} // namespace

std::optional<std::string_view> Inputs::variable(std::string_view name) const
{
    for (const auto* variables : {&sources->variables, &dotenv}) {
        const auto found
            = std::ranges::find_if(*variables, [name](const auto& one) { return one.first == name; });
        if (found != variables->end())
            return found->second;
    }
    return std::nullopt;
}

std::optional<GivenText> Inputs::given(const OptionRow& row) const
{
    std::optional<GivenText> found;
    for (const auto& [flag, value] : flags) {
        if (flag != &row)
            continue;
        if (found && row.kind == Kind::list)
            found->text += "," + value;
        else
            found = GivenText{value, "--" + std::string{row.flag}};
    }
    if (found)
        return found;
    for (const auto name : row.variables)
        if (!name.empty())
            if (const auto value = variable(name))
                return GivenText{std::string{*value}, std::string{name}};
    if (!row.file.empty() && sources->read_file)
        if (auto text = sources->read_file(std::string{row.file}))
            return GivenText{without_newline(*std::move(text)), std::string{row.file}};
    return std::nullopt;
}

Inputs take_apart(const Sources& sources)
{
    Inputs inputs{
        .flags = {}, .unknown_flags = {}, .backend = {}, .dotenv = {}, .warnings = {}, .sources = &sources};
    add_dotenv(inputs);
    for (std::size_t at = 0; at < sources.arguments.size();)
        at += take_flag(inputs, sources.arguments, at);
    if (!inputs.backend)
        inputs.backend = inputs.variable(kBackendVariable);
    if (inputs.backend && inputs.backend->empty())
        inputs.backend.reset();
    return inputs;
}

} // namespace slipway::vela
