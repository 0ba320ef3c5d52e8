#pragma once

#include "common/http/http_client.h"
#include "common/unique_fd.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace slipway::vela {

/// A whole log as the server takes it, `{"data":"…"}` in base64: in memory while it is small, beyond that in
/// a file without a name, so that the process does not grow with the logs of its steps. One thread.
class LogBody {
public:
    /// Up to this size it is kept in memory.
    static constexpr std::size_t kInMemory = 256 * 1024;

    /// `directory`: where the file is made, if there is need of one.
    explicit LogBody(std::filesystem::path directory)
        : directory_{std::move(directory)}
    {
    }

    /// More of the log. Fails as the file does.
    Result<void> append(std::string_view text);

    /// Of the log, not of the body.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

    /// The log's last byte; 0 of an empty one.
    [[nodiscard]] char last() const noexcept { return last_; }

    /// The end of it: the body of a request, which this outlives. Called once.
    Result<http::ClientRequest::Body> finish();

private:
    Result<void> put(std::string_view body);

    std::filesystem::path directory_;
    std::string rest_; ///< Of the log, less than three bytes: base64 pads at the end alone.
    std::string body_ = R"({"data":")";
    UniqueFd file_;
    std::uint64_t written_ = 0;
    std::uint64_t size_ = 0;
    char last_ = 0;
};

} // namespace slipway::vela
