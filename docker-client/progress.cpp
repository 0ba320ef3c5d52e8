#include "common/http/problem.h"
#include "docker-client/parse.h"

#include <utility>

namespace slipway::docker {

ImageName split_image(std::string_view reference)
{
    if (const std::size_t at = reference.find('@'); at != std::string_view::npos) {
        // "name:tag@digest": the digest alone decides.
        const ImageName name = split_image(reference.substr(0, at));
        return {name.name, std::string{reference.substr(at + 1)}};
    }
    const std::size_t slash = reference.rfind('/');
    const std::size_t colon = reference.rfind(':');
    if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash))
        return {std::string{reference}, "latest"};
    return {std::string{reference.substr(0, colon)}, std::string{reference.substr(colon + 1)}};
}

Errc code_of_answer(int status) noexcept
{
    return status == 500 ? Errc::internal : http::code_of_status(status);
}

Result<void> ProgressReader::feed(std::string_view bytes)
{
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view part = bytes.substr(0, end);
        if (line_.size() + part.size() > kMaxLine)
            return Error{
                Errc::exhausted, "a line of progress is over " + std::to_string(kMaxLine) + " bytes"};
        line_ += part;
        if (end == std::string_view::npos)
            return {};
        bytes.remove_prefix(end + 1);
        const std::string line = std::exchange(line_, {});
        SLIPWAY_TRY(take_line(line));
    }
    return {};
}

Result<void> ProgressReader::finish()
{
    const std::string line = std::exchange(line_, {});
    return take_line(line);
}

Result<void> ProgressReader::take_line(std::string_view line)
{
    if (line.find_first_not_of(" \t\r") == std::string_view::npos)
        return {};
    const auto document
        = SLIPWAY_TRY(in("progress", JsonDocument::parse(line, {.max_bytes = kMaxLine, .max_depth = 32})));
    const JsonValue root = document.root();
    const auto detail = SLIPWAY_TRY(root.find("errorDetail"));
    const std::string error = SLIPWAY_TRY(root.string_or("error", ""));
    if (detail || !error.empty()) {
        const auto status = detail ? SLIPWAY_TRY(detail->integer_or("code", 0, 0, 599)) : 0;
        const std::string message = detail ? SLIPWAY_TRY(detail->string_or("message", error)) : error;
        return Error{status >= 400 ? code_of_answer(static_cast<int>(status)) : Errc::unreachable, message};
    }
    PullProgress progress;
    progress.id = SLIPWAY_TRY(root.string_or("id", ""));
    progress.status = SLIPWAY_TRY(root.string_or("status", ""));
    const auto numbers = SLIPWAY_TRY(root.find("progressDetail"));
    if (numbers) {
        const std::int64_t current = SLIPWAY_TRY(numbers->integer_or("current", -1));
        const std::int64_t total = SLIPWAY_TRY(numbers->integer_or("total", -1));
        if (current >= 0)
            progress.current = current;
        if (total >= 0)
            progress.total = total;
    }
    return handler_ ? handler_(progress) : Result<void>{};
}

} // namespace slipway::docker
