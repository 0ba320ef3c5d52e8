#include "launcher/drain_mark.h"

#include "common/file.h"

#include <charconv>

namespace slipway::launcher {

namespace {

std::filesystem::path mark_in(const std::filesystem::path& directory) { return directory / "drained"; }

} // namespace

std::optional<std::chrono::system_clock::time_point> drain_mark(const std::filesystem::path& state_directory)
{
    const auto text = read_file_if_exists(mark_in(state_directory), 100);
    if (text && !*text)
        return std::nullopt;
    std::int64_t millis = 0;
    if (text)
        std::from_chars((*text)->data(), (*text)->data() + (*text)->size(), millis);
    return std::chrono::system_clock::time_point{std::chrono::milliseconds{millis}};
}

Result<void> set_drain_mark(
    const std::filesystem::path& state_directory, std::chrono::system_clock::time_point since)
{
    const auto millis
        = std::chrono::duration_cast<std::chrono::milliseconds>(since.time_since_epoch()).count();
    return replace_file(mark_in(state_directory), std::to_string(millis) + "\n", Durability::host);
}

Result<void> clear_drain_mark(const std::filesystem::path& state_directory)
{
    return remove_tree(mark_in(state_directory));
}

} // namespace slipway::launcher
