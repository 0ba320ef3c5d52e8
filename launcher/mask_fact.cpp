#include "launcher/mask_fact.h"

#include "common/base64.h"
#include "common/file.h"
#include "common/json.h"
#include "common/secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace slipway::launcher {

namespace {

constexpr std::string_view kFile = "masks";
/// Linux takes no larger environment (execve(2)) but for a raised stack limit.
constexpr std::size_t kMaxBytes = 64 * 1024 * 1024;
constexpr std::size_t kMaxSealed = 2 * protocol::kMaxMountedFile;

Result<MaskFact> parse(const JsonValue& json)
{
    MaskFact fact;
    fact.patterns = SLIPWAY_TRY(json.boolean("patterns")) == JsonValue::Boolean::yes;
    fact.names = SLIPWAY_TRY(json.string_list("names"));
    fact.opened = SLIPWAY_TRY(json.string_list("opened"));
    for (const auto& [name, value] : SLIPWAY_TRY(json.string_map("values")))
        fact.values.emplace_back(name, SLIPWAY_TRY(base64_decode(value)));
    if (const auto from = SLIPWAY_TRY(json.integer_or("files_from", -1)); from >= 0)
        fact.files_from = static_cast<std::uint64_t>(from);
    return fact;
}

std::filesystem::path sealed_path(const JobEntry& entry, std::size_t index)
{
    return entry.directory() / ("sealed-file-" + std::to_string(index));
}

} // namespace

Result<void> keep_sealed_file(const JobEntry& entry, std::size_t index, std::string_view envelope)
{
    return replace_file(sealed_path(entry, index), envelope);
}

Result<std::optional<std::string>> sealed_file(const JobEntry& entry, std::size_t index)
{
    return read_file_if_exists(sealed_path(entry, index), kMaxSealed);
}

Result<void> write_masks(const JobEntry& entry, const MaskFact& fact)
{
    std::vector<std::pair<std::string, std::string>> values; // of any bytes
    for (const auto& [name, value] : fact.values)
        values.emplace_back(name, base64_encode(value));
    JsonWriter json;
    json.begin_object().flag("patterns", fact.patterns).string_list("names", fact.names);
    json.string_list("opened", fact.opened).string_map("values", values);
    json.field("files_from", fact.files_from ? static_cast<std::int64_t>(*fact.files_from) : -1).end_object();
    std::string text = json.take();
    entry.passed("before masks");
    auto written = replace_file(entry.directory() / kFile, text);
    entry.passed("masks");
    wipe(text);
    for (auto& [name, value] : values)
        wipe(value);
    return written;
}

Result<std::optional<MaskFact>> read_masks(const JobEntry& entry)
{
    const auto path = entry.directory() / kFile;
    auto text = SLIPWAY_TRY(read_file_if_exists(path, kMaxBytes));
    if (!text)
        return std::optional<MaskFact>{};
    const auto document = JsonDocument::parse(*text, {.max_bytes = kMaxBytes});
    wipe(*text);
    if (!document)
        return std::optional<MaskFact>{};
    return std::optional<MaskFact>{SLIPWAY_TRY(in(path.string(), parse(document->root())))};
}

Result<void> wipe_masks(const JobEntry& entry)
{
    const auto path = entry.directory() / kFile;
    const auto fd = open_file(path, O_WRONLY | O_NOFOLLOW);
    if (!fd && fd.error().code() == Errc::not_found)
        return {};
    if (!fd)
        return fd.error();

    struct stat info { };

    if (::fstat(fd->get(), &info) != 0)
        return Error::from_errno("looking at " + path.string(), errno);
    return in("wiping " + path.string(),
        write_all(fd->get(), std::string(static_cast<std::size_t>(info.st_size), '\0')));
}

} // namespace slipway::launcher
