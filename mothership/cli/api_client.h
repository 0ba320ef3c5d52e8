#pragma once

#include "common/json.h"
#include "common/result.h"
#include "common/secret.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace slipway::cli {

/// Whom to talk to and as whom.
struct Account {
    std::string endpoint; ///< https://host:port
    std::string ca_pem; ///< The only certificate authority that is trusted; empty: the system's.
    Secret api_key;
};

/// A 2xx answer.
struct Answer {
    std::string body;
    std::uint64_t next_offset = 0; ///< X-Slipway-Next-Offset of a log.
    bool complete = false; ///< X-Slipway-Complete of a log.
};

/// The control plane's API for people. Refusals become errors that carry the server's own sentence;
/// `unreachable` and `timed_out` are worth repeating, a server that is not trusted is `rejected`. One thread.
class ApiClient {
public:
    /// `timeout`: longest wait for a connection and for each piece of an answer; a long poll takes at most
    /// 30 s.
    static Result<ApiClient> create(
        const Account& account, std::chrono::milliseconds timeout = std::chrono::seconds{60});

    ApiClient(ApiClient&&) noexcept;
    ApiClient& operator=(ApiClient&&) noexcept;
    ~ApiClient();

    Result<Answer> get(const std::string& path);
    Result<Answer> remove(const std::string& path);
    Result<Answer> send(const std::string& method, const std::string& path, const std::string& json);
    Result<Answer> put(const std::string& path, const std::string& bytes);
    /// Streams the file; `progress` is told the bytes sent so far.
    Result<Answer> upload(const std::string& path, const std::filesystem::path& file,
        const std::function<void(std::uint64_t)>& progress);

private:
    struct Impl;
    explicit ApiClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace slipway::cli
