#include "launcher/option_sources.h"

#include "common/file.h"
#include "launcher/job_values.h"
#include "launcher/suggestion.h"
#include "launcher/value_syntax.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

namespace slipway::launcher {

namespace {

constexpr std::size_t kMaxSecretFileBytes = 256 * 1024;

std::string file_origin(const ConfigFile& file) { return "file " + file.path.string(); }

std::string key_name(const ConfigFile& file, std::string_view key)
{
    return file.path.string() + ": " + std::string{key};
}

/// What the flag of `option` was given, in its order.
std::vector<std::string> flag_values(const Option& option, const CommandLine& command_line)
{
    std::vector<std::string> texts;
    for (const auto& [given, text] : command_line.values)
        if (given == &option)
            texts.push_back(text);
    return texts;
}

Result<std::optional<Given>> from_environment(const Option& option, const Environment& environment)
{
    const auto value = environment.find(option.variable);
    const auto other = option.alias.empty() ? std::nullopt : environment.find(option.alias);
    if (value && other && *value != *other)
        return Error{Errc::invalid_input,
            std::string{option.variable} + " and " + std::string{option.alias}
                + " are the same setting and have different values: keep one of them"};
    if (value)
        return Given{std::string{*value}, std::string{option.variable}, "environment"};
    if (other)
        return Given{std::string{*other}, std::string{option.alias}, "environment"};
    return std::nullopt;
}

/// The values of a key that is no member of a section.
Result<std::vector<std::string>> file_values(const ConfigFile* file, std::string_view key, Times times)
{
    std::vector<std::string> values;
    if (file == nullptr || key.empty())
        return values;
    for (const auto& entry : file->entries)
        if (entry.key == key && entry.member.empty())
            values.insert(values.end(), entry.values.begin(), entry.values.end());
    if (values.size() > 1 && times == Times::once)
        return Error{Errc::invalid_input,
            key_name(*file, key) + ": it has " + std::to_string(values.size())
                + " values and takes one; put a value with blanks or commas in quotes"};
    return values;
}

/// A file that others can read is no place for a secret.
Result<Secret> read_secret_file(const std::string& path)
{
    struct stat info { };

    if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)
        && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return Error{Errc::invalid_input,
            path + " can be used by others than its owner: make it private (chmod 600 " + path + ")"};
    auto text = read_file(path, kMaxSecretFileBytes);
    if (!text)
        return Error{Errc::invalid_input, text.error().message()};
    return Secret::take(*text);
}

/// What the service manager hands over (systemd.exec(5), CREDENTIALS): names of files in
/// $CREDENTIALS_DIRECTORY.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kCredentials{
    {{"SPACELIFT_TOKEN", "spacelift-token"}, {"SPACELIFT_POOL_PRIVATE_KEY", "pool-key"}}};

/// The secret that the service manager has handed over, if it has. Modes are its business: an access list
/// shows as bits of the group.
Result<std::vector<GivenSecret>> credentials_of(const Option& option, const Environment& environment)
{
    std::vector<GivenSecret> secrets;
    const auto directory = environment.find("CREDENTIALS_DIRECTORY");
    const auto row = std::ranges::find(
        kCredentials, option.variable, &std::pair<std::string_view, std::string_view>::first);
    if (!directory || row == kCredentials.end())
        return secrets;
    const auto path = std::string{*directory} + "/" + std::string{row->second};
    auto text = read_file_if_exists(path, kMaxSecretFileBytes);
    if (!text)
        return Error{Errc::invalid_input, std::string{option.variable} + ": " + text.error().message()};
    if (*text)
        secrets.push_back({Secret::take(**text), "file " + path});
    return secrets;
}

Result<std::vector<GivenSecret>> read_secret_files(
    const std::vector<std::string>& paths, const std::string& name)
{
    std::vector<GivenSecret> secrets;
    for (const auto& path : paths)
        secrets.push_back({SLIPWAY_TRY(in(name, read_secret_file(path))), "file " + path});
    return secrets;
}

/// Secrets that the configuration file holds, or whose files it names.
Result<std::vector<GivenSecret>> secrets_of_file(const Option& option, const ConfigFile& file)
{
    const auto key = secret_key(option);
    auto texts = SLIPWAY_TRY(file_values(&file, key, option.times));
    if (!texts.empty() && !file.is_private)
        return Error{Errc::invalid_input,
            key_name(file, key)
                + ": the file holds a secret and can be used by others than its owner: make it "
                  "private (chmod 600 "
                + file.path.string() + "), or name a private file by " + std::string{option.flag}};
    std::vector<GivenSecret> secrets;
    for (auto& text : texts)
        secrets.push_back({Secret::take(text), file_origin(file)});
    const auto paths = SLIPWAY_TRY(file_values(&file, option.flag, option.times));
    for (auto& secret : SLIPWAY_TRY(read_secret_files(paths, key_name(file, option.flag))))
        secrets.push_back(std::move(secret));
    return secrets;
}

Result<std::pair<std::string, std::string>> split_member(const Option& option, std::string_view text)
{
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0)
        return Error{Errc::invalid_input,
            "--" + std::string{option.flag} + ": " + in_quotes(text)
                + " is not of the form NAME=" + std::string{option.argument}};
    return std::pair{std::string{text.substr(0, equals)}, std::string{text.substr(equals + 1)}};
}

void add_member(std::vector<GivenMember>& members, GivenMember member)
{
    const auto same = [&](const GivenMember& other) {
        return other.member == member.member && other.is_flag_form == member.is_flag_form;
    };
    if (std::ranges::none_of(members, same))
        members.push_back(std::move(member));
}

} // namespace

std::string_view secret_key(const Option& option)
{
    return option.flag.substr(0, option.flag.size() - std::string_view{"-file"}.size());
}

Result<std::optional<Given>> given_value(const Option& option, const Sources& sources)
{
    if (const auto texts = flag_values(option, sources.command_line); !texts.empty())
        return Given{list_text(texts), "--" + std::string{option.flag}, "flag"};
    if (auto given = SLIPWAY_TRY(from_environment(option, sources.environment)))
        return given;
    const auto values = SLIPWAY_TRY(file_values(sources.file, option.flag, option.times));
    // An empty value counts as not set, as that of a variable does.
    if (const auto text = list_text(values); !text.empty())
        return Given{text, key_name(*sources.file, option.flag), file_origin(*sources.file)};
    return std::nullopt;
}

Result<std::vector<GivenSecret>> given_secrets(const Option& option, const Sources& sources)
{
    if (const auto paths = flag_values(option, sources.command_line); !paths.empty())
        return read_secret_files(paths, "--" + std::string{option.flag});
    std::vector<GivenSecret> secrets;
    if (auto secret = sources.environment.secret(option.variable); !secret.empty())
        secrets.push_back({std::move(secret), "environment"});
    else if (sources.file != nullptr)
        secrets = SLIPWAY_TRY(secrets_of_file(option, *sources.file));
    if (secrets.empty())
        secrets = SLIPWAY_TRY(credentials_of(option, sources.environment));
    return secrets;
}

Result<std::vector<GivenMember>> given_members(const Option& option, const Sources& sources)
{
    // A name has the same form in all three only where the flag's form is the variables'.
    const bool one_form = std::get<FamilyField>(option.field).read_flag == nullptr;
    std::vector<GivenMember> members;
    for (const auto& text : flag_values(option, sources.command_line)) {
        auto [name, value] = SLIPWAY_TRY(split_member(option, text));
        add_member(members, {name, {std::move(value), "--" + std::string{option.flag}, "flag"}, !one_form});
    }
    for (const auto& [name, value] : sources.environment.variables())
        if (name.starts_with(option.variable) && name.size() > option.variable.size())
            add_member(members, {name.substr(option.variable.size()), {value, name, "environment"}, false});
    if (sources.file != nullptr && !option.flag.empty())
        for (const auto& entry : sources.file->entries)
            if (entry.key == option.flag && !entry.member.empty())
                add_member(members,
                    {entry.member,
                        {list_text(entry.values), key_name(*sources.file, entry.key + "." + entry.member),
                            file_origin(*sources.file)},
                        !one_form});
    return members;
}

Result<void> check_keys_of(const ConfigFile& file)
{
    std::vector<std::string_view> known;
    for (const auto& option : options()) {
        known.push_back(option.flag);
        if (option.is_secret())
            known.push_back(secret_key(option));
    }
    for (const auto& entry : file.entries) {
        const auto option = std::ranges::find(options(), std::string_view{entry.key}, &Option::flag);
        const bool is_family = option != options().end() && option->is_family();
        if (is_family != !entry.member.empty() && option != options().end())
            return Error{Errc::invalid_input,
                key_name(file, entry.key)
                    + (is_family ? ": it is a section: write [" + entry.key + "], then lines of name = value"
                                 : ": it is a setting and no section")};
        if (entry.key.empty() || std::ranges::find(known, entry.key) == known.end()) {
            const auto nearest = nearest_name(entry.key, known);
            return Error{Errc::invalid_input,
                key_name(file, entry.key) + ": there is no such setting"
                    + (nearest.empty() ? "" : "; did you mean " + std::string{nearest} + "?")
                    + " Settings are named as the flags, see slipway-launcher --help"};
        }
    }
    return {};
}

} // namespace slipway::launcher
