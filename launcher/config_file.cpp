#include "launcher/config_file.h"

#include "common/file.h"
#include "common/secret.h"

#include <CLI/CLI.hpp>
#include <sys/stat.h>

#include <sstream>

namespace slipway::launcher {

namespace {

constexpr std::size_t kMaxBytes = 1024 * 1024;

/// CLI11 marks the beginning and end of sections by items without values.
bool is_mark(const CLI::ConfigItem& item) { return item.inputs.empty(); }

ConfigEntry entry_of(CLI::ConfigItem& item)
{
    if (item.parents.empty())
        return {.key = item.name, .member = {}, .values = std::move(item.inputs)};
    // A name with dots in it was cut at them.
    std::string member;
    for (auto parent = item.parents.begin() + 1; parent != item.parents.end(); ++parent)
        member += *parent + ".";
    return {.key = item.parents.front(), .member = member + item.name, .values = std::move(item.inputs)};
}

} // namespace

ConfigFile::~ConfigFile()
{
    for (auto& entry : entries)
        for (auto& value : entry.values)
            wipe(value);
}

Result<std::vector<ConfigEntry>> parse_config_text(std::string_view text)
{
    if (text.size() > kMaxBytes)
        return Error{Errc::invalid_input, "it has more than 1 MiB"};
    if (text.find('\0') != std::string_view::npos)
        return Error{Errc::invalid_input, "it holds a zero byte, so it is no text"};
    std::vector<ConfigEntry> entries;
    try {
        std::istringstream stream{std::string{text}};
        for (auto& item : CLI::ConfigTOML{}.from_config(stream))
            if (!is_mark(item))
                entries.push_back(entry_of(item));
    } catch (const std::exception& failure) {
        return Error{Errc::invalid_input, std::string{"it cannot be read: "} + failure.what()};
    }
    return entries;
}

Result<ConfigFile> read_config_file(const std::filesystem::path& path)
{
    auto text = read_file(path, kMaxBytes);
    if (!text)
        return Error{Errc::invalid_input, text.error().message()};
    ConfigFile file;
    file.path = path;

    struct stat info { };

    file.is_private = ::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    auto entries = in(path.string(), parse_config_text(*text));
    wipe(*text);
    file.entries = SLIPWAY_TRY(std::move(entries));
    return file;
}

} // namespace slipway::launcher
