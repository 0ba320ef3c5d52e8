#include "launcher/job_values.h"

#include "launcher/config.h"
#include "launcher/job_settings.h"
#include "launcher/provider_cache/places.h"
#include "launcher/slot-init/frames.h"
#include "launcher/value_syntax.h"

#include <algorithm>
#include <array>
#include <limits>

namespace slipway::launcher {

namespace {

/// Whether `path` is `directory` or lies in it.
bool is_within(std::string_view path, std::string_view directory)
{
    return path.starts_with(directory)
        && (path.size() == directory.size() || path[directory.size()] == '/' || directory == "/");
}

Error bad_mount(std::string_view entry, std::string_view why)
{
    return {Errc::invalid_input,
        in_quotes(entry) + " is no mount: " + std::string{why}
            + "; give /path/on/the/host:/path/in/the/job, with :ro at the end if jobs may only read it"};
}

/// Absolute and normal, or nothing.
std::string mount_path(std::string_view text)
{
    const std::filesystem::path path{text};
    if (!path.is_absolute() || text.find('\0') != std::string_view::npos
        || std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; }))
        return {};
    std::string normal = path.lexically_normal().string();
    while (normal.size() > 1 && normal.ends_with('/'))
        normal.pop_back();
    return normal;
}

Result<ExtraMount> read_mount(std::string_view entry, StageClass stages)
{
    ExtraMount mount{.stages = stages};
    std::string_view rest = entry;
    if (rest.ends_with(":ro") || rest.ends_with(":rw")) {
        mount.read_only = rest.ends_with("ro");
        rest.remove_suffix(3);
    }
    const auto colon = rest.find(':');
    if (colon == std::string_view::npos || rest.find(':', colon + 1) != std::string_view::npos)
        return bad_mount(entry, "it has not two paths with a colon between");
    mount.host = mount_path(rest.substr(0, colon));
    mount.container = mount_path(rest.substr(colon + 1));
    if (mount.host.empty() || mount.container.empty())
        return bad_mount(entry, "both paths must be absolute and without \"..\"");
    for (const std::string_view taken : {kWorkspace, std::string_view{slot::kSlotMount}, kCachePlace})
        if (is_within(mount.container, taken) || is_within(taken, mount.container))
            return bad_mount(entry,
                "in the job, " + std::string{taken}
                    + " belongs to the launcher; choose a place apart from it");
    return mount;
}

bool meet(StageClass a, StageClass b) { return a == b || a == StageClass::every || b == StageClass::every; }

/// The names that getrlimit(2) and the engine know.
constexpr std::array<std::string_view, 15> kUlimitNames{"as", "core", "cpu", "data", "fsize", "locks",
    "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "sigpending", "stack"};

Error bad_ulimit(std::string_view entry, std::string_view why)
{
    return {Errc::invalid_input,
        in_quotes(entry) + " is no ulimit: " + std::string{why}
            + "; give name=soft:hard, such as nofile=1024:2048"};
}

Result<docker::Ulimit> read_ulimit(std::string_view entry)
{
    const auto equals = std::min(entry.find('='), entry.size());
    docker::Ulimit limit{.name = std::string{trimmed(entry.substr(0, equals))}};
    if (std::ranges::find(kUlimitNames, limit.name) == kUlimitNames.end())
        return bad_ulimit(entry, "there is no limit of that name");
    const auto values = entry.substr(std::min(equals + 1, entry.size()));
    const auto colon = std::min(values.find(':'), values.size());
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    const auto soft = read_whole(trimmed(values.substr(0, colon)), -1, most);
    const auto hard = colon == values.size() ? soft : read_whole(trimmed(values.substr(colon + 1)), -1, most);
    if (!soft || !hard)
        return bad_ulimit(entry, "its values are whole numbers, and -1 means no limit");
    limit.soft = *soft;
    limit.hard = *hard;
    if (limit.hard != -1 && (limit.soft == -1 || limit.soft > limit.hard))
        return bad_ulimit(entry, "the soft limit is above the hard one");
    return limit;
}

bool is_capability(std::string_view name)
{
    return !name.empty()
        && std::ranges::all_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

} // namespace

Result<std::vector<ExtraMount>> read_mounts(std::string_view text, StageClass stages)
{
    std::vector<ExtraMount> mounts;
    for (const auto entry : list_entries(text))
        mounts.push_back(SLIPWAY_TRY(read_mount(entry, stages)));
    SLIPWAY_TRY(check_mounts(mounts));
    return mounts;
}

std::string mounts_text(const std::vector<ExtraMount>& mounts, StageClass stages)
{
    std::vector<std::string> entries;
    for (const auto& mount : mounts)
        if (mount.stages == stages)
            entries.push_back(mount.host + ":" + mount.container + (mount.read_only ? ":ro" : ""));
    return list_text(entries);
}

Result<void> check_mounts(const std::vector<ExtraMount>& mounts)
{
    for (auto one = mounts.begin(); one != mounts.end(); ++one)
        for (auto other = mounts.begin(); other != one; ++other)
            if (one->container == other->container && meet(one->stages, other->stages))
                return Error{Errc::invalid_input,
                    other->host + " and " + one->host + " are both mounted on " + one->container
                        + " for the same stages: take one of them away"};
    return {};
}

Result<std::vector<docker::Ulimit>> read_ulimits(std::string_view text)
{
    std::vector<docker::Ulimit> limits;
    for (const auto entry : list_entries(text)) {
        auto limit = SLIPWAY_TRY(read_ulimit(entry));
        if (std::ranges::find(limits, limit.name, &docker::Ulimit::name) != limits.end())
            return bad_ulimit(entry, limit.name + " is given twice");
        limits.push_back(std::move(limit));
    }
    return limits;
}

std::string ulimits_text(const std::vector<docker::Ulimit>& ulimits)
{
    std::vector<std::string> entries;
    for (const auto& limit : ulimits)
        entries.push_back(limit.name + "=" + std::to_string(limit.soft) + ":" + std::to_string(limit.hard));
    return list_text(entries);
}

Result<docker::Strings> read_capabilities(std::string_view text)
{
    docker::Strings names;
    if (text == "none")
        return names;
    for (auto entry : list_entries(text)) {
        const auto name = entry.substr(entry.starts_with("CAP_") ? 4 : 0);
        if (!is_capability(name))
            return Error{Errc::invalid_input,
                in_quotes(entry)
                    + " is no capability: give names such as NET_RAW or SYS_PTRACE, ALL, or none"};
        names.emplace_back(name);
    }
    return names;
}

Result<docker::Strings> read_security_options(std::string_view text)
{
    constexpr std::array<std::string_view, 4> known{"seccomp", "apparmor", "label", "no-new-privileges"};
    docker::Strings options;
    for (const auto entry : list_entries(text)) {
        const auto name = entry.substr(0, entry.find_first_of("=:"));
        if (std::ranges::find(known, name) == known.end()
            || (name != "no-new-privileges" && name.size() + 1 >= entry.size()))
            return Error{Errc::invalid_input,
                in_quotes(entry)
                    + " is no security option: give no-new-privileges, seccomp=FILE, seccomp=unconfined, "
                      "apparmor=PROFILE or label=VALUE"};
        options.emplace_back(entry);
    }
    return options;
}

Result<std::string> read_user(std::string_view text)
{
    const auto is_word = [](std::string_view word) {
        return !word.empty() && word.find_first_of(": \t\r\n,/") == std::string_view::npos;
    };
    const auto colon = text.find(':');
    if (!is_word(text.substr(0, colon))
        || (colon != std::string_view::npos && !is_word(text.substr(colon + 1))))
        return Error{Errc::invalid_input,
            in_quotes(text) + " is no user: give a name or number, or user:group, such as 1983"};
    return std::string{text};
}

Result<std::vector<std::string>> read_names(std::string_view text)
{
    std::vector<std::string> names;
    for (const auto& [name, stages] : SLIPWAY_TRY(read_allowed_names(text, kSecretVariables))) {
        if (stages != StageClass::every)
            return Error{Errc::invalid_input,
                in_quotes(name)
                    + " is masked in every stage: name it here without prefix, and with it on the list "
                      "of allowed names"};
        names.push_back(name);
    }
    return names;
}

std::string list_text(const std::vector<std::string>& entries)
{
    std::string text;
    for (const auto& entry : entries)
        text += (text.empty() ? "" : ",") + entry;
    return text;
}

} // namespace slipway::launcher
