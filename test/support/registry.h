#pragma once

#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <filesystem>
#include <optional>
#include <string>

namespace slipway::test {

/// A registry of the test's own (Debian: docker-registry) on a free port of 127.0.0.1, which Docker takes
/// without TLS. It wants a login, "ci" and "secret". Failures are thrown as std::runtime_error.
class OwnRegistry {
public:
    OwnRegistry();

    /// "127.0.0.1:port"
    [[nodiscard]] const std::string& host() const { return host_; }

    /// The name of an image in it, "127.0.0.1:port/what".
    [[nodiscard]] std::string name(const std::string& what) const { return host_ + "/" + what; }

    /// Until it answers.
    void start();
    void stop();
    /// From now on the password is another one: every login that is kept has expired.
    void change_password() const;
    /// From now on it wants this line's login (htpasswd(1) with bcrypt).
    void change_login(const std::string& htpasswd_line) const;
    /// Stores an image of the engine under its name, and takes it from the engine's list. Returns its digest.
    std::string take(const std::string& local, const std::string& name);
    /// Forgets an image with all it is made of: an engine that keeps a manifest would fetch the rest by it.
    void drop(const std::string& what) const;

    /// Writes a config.json with the login "ci" and this password.
    void write_login(const std::filesystem::path& directory, const std::string& password = "secret") const;

private:
    TempDir directory_;
    std::string host_;
    std::optional<Process> process_;
};

} // namespace slipway::test
