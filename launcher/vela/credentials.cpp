#include "launcher/vela/credentials.h"

#include "common/file.h"
#include "common/json.h"
#include "launcher/vela/jwt.h"

namespace slipway::vela {

namespace {

constexpr std::size_t kMaxFile = 64 * 1024;

std::optional<std::chrono::seconds> left_of(const Secret& token, const Clock& clock)
{
    const auto claims = read_claims(token.reveal());
    if (!claims || !claims->expires)
        return std::nullopt;
    return std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::time_point{std::chrono::seconds{*claims->expires}} - clock.wall());
}

bool expired(const Secret& token, const Clock& clock)
{
    const auto claims = read_claims(token.reveal());
    return !claims || claims->expired(clock.wall());
}

} // namespace

Credentials::Credentials(Secret secret, std::filesystem::path file, const Clock& clock)
    : shared_{!secret.empty()}
    , file_{std::move(file)}
    , clock_{clock}
    , token_{std::move(secret)}
{
}

Result<void> Credentials::load()
{
    if (shared_)
        return {};
    auto text = SLIPWAY_TRY(read_file_if_exists(file_, kMaxFile));
    if (!text)
        return {};
    const auto document = SLIPWAY_TRY(in(file_.string(), JsonDocument::parse(*text)));
    wipe(*text);
    auto value = SLIPWAY_TRY(document.root().string("token"));
    auto token = Secret::take(value);
    if (expired(token, clock_))
        return {};
    const std::lock_guard lock{mutex_};
    token_ = std::move(token);
    queue_ = QueueInfo{.public_key = SLIPWAY_TRY(document.root().string("public_key")),
        .address = SLIPWAY_TRY(document.root().string("address"))};
    return {};
}

bool Credentials::has_token() const
{
    const std::lock_guard lock{mutex_};
    return shared_ || (!token_.empty() && !expired(token_, clock_));
}

Secret Credentials::token() const
{
    const std::lock_guard lock{mutex_};
    return token_;
}

std::optional<std::chrono::seconds> Credentials::left() const
{
    const std::lock_guard lock{mutex_};
    return shared_ || token_.empty() ? std::nullopt : left_of(token_, clock_);
}

Result<void> Credentials::renew(Secret token)
{
    const std::lock_guard lock{mutex_};
    if (shared_)
        return {};
    token_ = std::move(token);
    return save();
}

bool Credentials::offer(Secret token)
{
    {
        const std::lock_guard lock{mutex_};
        if (offered_)
            return false;
        offered_ = std::move(token);
    }
    offered_changed_.notify_all();
    return true;
}

bool Credentials::take_offered()
{
    const std::lock_guard lock{mutex_};
    if (!offered_)
        return false;
    token_ = *std::move(offered_);
    offered_.reset();
    return true;
}

Result<void> Credentials::wait_offered(std::stop_token stop)
{
    {
        std::unique_lock lock{mutex_};
        if (!offered_changed_.wait(lock, std::move(stop), [&] { return offered_.has_value(); }))
            return Error{Errc::cancelled, "stopped"};
    }
    take_offered();
    return {};
}

void Credentials::forget()
{
    const std::lock_guard lock{mutex_};
    if (shared_)
        return;
    token_ = {};
    (void)remove_tree(file_); // an expired token is refused when it is read again, too
}

std::optional<QueueInfo> Credentials::queue() const
{
    const std::lock_guard lock{mutex_};
    return queue_;
}

Result<void> Credentials::set_queue(const QueueInfo& queue)
{
    const std::lock_guard lock{mutex_};
    queue_ = queue;
    return shared_ ? Result<void>{} : save();
}

Result<void> Credentials::save()
{
    JsonWriter json;
    json.begin_object().field("token", token_.reveal());
    json.field("public_key", queue_ ? queue_->public_key : "");
    json.field("address", queue_ ? queue_->address : "").end_object();
    std::string text = json.take();
    auto saved = replace_file(file_, text, Durability::host);
    wipe(text);
    return saved;
}

} // namespace slipway::vela
