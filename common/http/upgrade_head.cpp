#include "common/http/upgraded_stream.h"

#include <algorithm>
#include <charconv>

namespace slipway::http {

namespace {

constexpr std::size_t kMaxHead = 16UL * 1024;

} // namespace

Result<std::optional<UpgradeHead>> parse_upgrade_head(std::string_view bytes)
{
    constexpr std::string_view kVersion = "HTTP/1.1 ";
    const auto seen = std::min(bytes.size(), kVersion.size());
    if (bytes.substr(0, seen) != kVersion.substr(0, seen))
        return Error{Errc::invalid_input, "the answer is not HTTP/1.1"};
    const auto end = bytes.substr(0, kMaxHead).find("\r\n\r\n");
    if (end == std::string_view::npos) {
        if (bytes.size() >= kMaxHead)
            return Error{Errc::exhausted, "the answer's head is longer than 16 KiB"};
        return std::optional<UpgradeHead>{};
    }
    UpgradeHead head{.status = 0, .size = end + 4};
    const char* const from = bytes.data() + kVersion.size();
    const char* const to = bytes.data() + end;
    const auto status = std::from_chars(from, to, head.status);
    if (status.ec != std::errc{} || status.ptr != from + 3 || head.status < 100
        || (status.ptr != to && *status.ptr != ' ' && *status.ptr != '\r'))
        return Error{Errc::invalid_input, "the answer has no status"};
    return std::optional{head};
}

} // namespace slipway::http
