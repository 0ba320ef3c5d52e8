#pragma once

#include "common/http/http_client.h"
#include "common/json.h"
#include "common/protocol/wire.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

#include <filesystem>
#include <optional>
#include <string>

namespace slipway::test {

/// An answer of the server.
struct Answer {
    int status = 0;
    std::string body;
    std::string next_offset;
    std::string complete;

    /// A member of the JSON body; throws if there is none.
    [[nodiscard]] std::string text(std::string_view key) const;
    [[nodiscard]] std::int64_t number(std::string_view key) const;
};

/// A pool's key, as its owner holds it, with the token of the pool.
struct PoolCredentials {
    std::string id;
    std::string certificate_pem;
    std::string key_pem;
};

/// The real server as a child process on a port of its own. Failures that a test cannot go on from are
/// thrown.
class RunningMothership {
public:
    RunningMothership();

    void start();

    void kill() { process_->kill(); }

    [[nodiscard]] Process& process() { return *process_; }

    /// A call of the people's API with the admin key, or with `key`.
    Answer api(const std::string& method, const std::string& path, const std::string& body = {},
        const std::optional<std::string>& key = {});
    PoolCredentials create_pool(const std::string& name);
    /// A stack with a plan and an apply and one file of source, in the pool.
    void create_stack(const std::string& name, const std::string& pool);
    std::string start_run(const std::string& stack);

    /// A client that shows this certificate; empty: none.
    http::HttpClient client(const std::string& certificate_pem, const std::string& key_pem) const;

    [[nodiscard]] std::uint16_t port() const;

    [[nodiscard]] const std::string& admin_key() const { return admin_key_; }

    [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

    [[nodiscard]] std::filesystem::path data() const { return directory_.path() / "data"; }

private:
    TempDir directory_;
    std::string ca_pem_;
    std::string admin_key_;
    std::string url_;
    std::optional<Process> process_;
    std::optional<http::HttpClient> client_;
};

/// A launcher's half of the protocol, played by hand.
class ScriptedWorker {
public:
    ScriptedWorker(const RunningMothership& server, const PoolCredentials& pool, std::string instance);

    /// Connects anew, as after a restart of the server, which listens on another port then.
    void reconnect(const RunningMothership& server);
    Answer enroll(const std::string& boot = "boot-1");
    Answer call(const std::string& method, const std::string& path, const std::string& body = {});
    protocol::PollResponse poll(protocol::Millis wait = 0, int places = 1,
        std::vector<protocol::HeldStage> held = {}, std::int64_t number = 0);
    /// The one offer of a poll; throws if there is none.
    protocol::Assignment take_offer();

    Answer accept(const protocol::Assignment& stage);
    Answer report(const protocol::Assignment& stage, protocol::StateReport report);
    Answer log(const protocol::Assignment& stage, std::uint64_t offset, const std::string& bytes);
    Answer put(const protocol::Assignment& stage, const std::string& name, const std::string& bytes);
    Answer get(const protocol::Assignment& stage, const std::string& name);

    std::string session;
    std::string process; ///< That it says it is.
    std::string hostname = "host";

private:
    [[nodiscard]] std::string path(const protocol::Assignment& stage, const std::string& call) const;

    PoolCredentials pool_;
    std::string instance_;
    http::HttpClient client_;
    std::int64_t sequence_ = 0;
};

} // namespace slipway::test
