#include "test/unit/launcher/fake_mothership.h"

#include "common/file.h"

#include <stdexcept>

namespace slipway::test {

namespace {

void must(const Result<void>& result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
}

} // namespace

std::string registration_answer(std::chrono::system_clock::time_point wall)
{
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(wall.time_since_epoch());
    return R"({"worker_id":"01J0000000000000000000000W","session":"s3ss10n","pool_id":"01J0000000000000000000000P",)"
           R"("pool_name":"demo","poll_wait_ms":1000,"served_ms":1,"wall_ms":)"
        + std::to_string(milliseconds.count()) + "}";
}

FakeMothership::FakeMothership(const PoolFixture& pool)
{
    SystemRandom random;
    const auto now = std::chrono::system_clock::now();
    answer_registrations(200, registration_answer(now));
    auto identity = pool.authority.issue_server({.dns = {"localhost"}, .ips = {"127.0.0.1"}}, random, now);
    if (!identity)
        throw std::runtime_error{identity.error().message()};
    const auto& directory = directory_.path();
    must(replace_file(directory / "ca.pem", pool.fields.ca_pem));
    must(replace_file(directory / "key.pem", identity->key_pem.reveal()));
    must(replace_file(directory / "certificate.pem", identity->certificate.to_pem().value_or("")));
    server_ = std::make_unique<RawHttpServer>(
        RawHttpServer::Tls{directory / "certificate.pem", directory / "key.pem", directory / "ca.pem"},
        [this](RawHttpServer::Connection& peer) { serve(peer); });
}

FakeMothership::~FakeMothership()
{
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    server_.reset();
}

void FakeMothership::answer_registrations(int status, std::string body)
{
    const std::lock_guard lock{mutex_};
    registration_ = http_response(status, body,
        status == 200 ? "Content-Type: application/json\r\n" : "Content-Type: application/problem+json\r\n");
}

void FakeMothership::serve(RawHttpServer::Connection& peer)
{
    while (const auto request = peer.read_request())
        if (!peer.send(answer(*request)))
            return;
}

std::string FakeMothership::answer(const std::string& request)
{
    std::unique_lock lock{mutex_};
    if (request.starts_with("POST /worker/v1/register"))
        return registration_;
    if (request.starts_with("DELETE /worker/v1/register")) {
        signed_off_ = true;
        return http_response(204, "");
    }
    if (!request.starts_with("POST /worker/v1/poll"))
        return http_response(404, "{}");
    if (!poll_)
        poll_ = std::chrono::steady_clock::now();
    changed_.notify_all();
    if (request.find("\"wait_ms\":0") == std::string::npos)
        changed_.wait_for(lock, std::chrono::seconds{1}, [&] { return stopping_; });
    return http_response(200, R"({"offers":[],"served_ms":1})");
}

std::optional<FakeMothership::Time> FakeMothership::wait_for_poll(std::chrono::milliseconds deadline)
{
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, deadline, [&] { return poll_.has_value(); });
    return std::exchange(poll_, std::nullopt);
}

bool FakeMothership::signed_off()
{
    const std::lock_guard lock{mutex_};
    return signed_off_;
}

} // namespace slipway::test
