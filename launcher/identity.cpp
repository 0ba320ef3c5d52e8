#include "launcher/identity.h"

#include "common/base64.h"
#include "common/duration.h"
#include "common/json.h"
#include "crypto/certificate.h"
#include "crypto/token.h"

#include <algorithm>

namespace slipway::launcher {

namespace {

constexpr std::string_view kTokenName = "SPACELIFT_TOKEN";
constexpr std::string_view kKeyName = "SPACELIFT_POOL_PRIVATE_KEY";

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

Refusal refusal(ExitCode code, std::string_view variable, const Error& error)
{
    return {code, std::string{variable} + ": " + error.message()};
}

/// The sort of the failure of a text that `decode_pool_token` refused; its message is the parser's own.
ExitCode code_of_bad_token(std::string_view text)
{
    if (has(text, "-----BEGIN") || text.substr(text.find_first_not_of(" \t\r\n")).starts_with('{'))
        return ExitCode::token_is_something_else;
    const auto decoded = base64_decode(text);
    if (!decoded)
        return ExitCode::token_not_base64;
    if (has(*decoded, "-----BEGIN"))
        return ExitCode::token_is_something_else;
    return JsonDocument::parse(*decoded) ? ExitCode::token_incomplete : ExitCode::token_not_json;
}

/// Likewise of a text that is no private key.
ExitCode code_of_bad_key(std::string_view text)
{
    Secret pem{text};
    if (!has(text, "-----BEGIN")) {
        auto decoded = base64_decode(text);
        if (!decoded)
            return ExitCode::key_not_base64;
        pem = Secret::take(*decoded);
    }
    const std::string_view content = pem.reveal();
    if (has(content, "BEGIN ENCRYPTED PRIVATE KEY") || has(content, "Proc-Type: 4,ENCRYPTED"))
        return ExitCode::key_has_passphrase;
    if (has(content, "PRIVATE KEY-----") && !has(content, "OPENSSH"))
        return ExitCode::key_unreadable;
    return ExitCode::key_is_something_else;
}

Checked<crypto::PoolToken> check_token(const Config& config)
{
    const std::string_view text = config.token.reveal();
    if (is_blank(text))
        return Refusal{ExitCode::token_missing,
            std::string{kTokenName}
                + " is not set: give the token that was handed out when the pool was made (slipway pool "
                  "create), or name "
                  "its file with --token-file"};
    auto token = crypto::decode_pool_token(text);
    if (!token)
        return refusal(code_of_bad_token(text), kTokenName, token.error());
    return *std::move(token);
}

/// The blocks that hold a private key, each for itself; without any, the whole text, so that the parser says
/// what it is. As base64 when the text was.
std::vector<Secret> key_blocks(std::string_view text)
{
    Secret pem{text};
    if (!has(text, "-----BEGIN"))
        if (auto decoded = base64_decode(text))
            pem = Secret::take(*decoded);
    std::vector<Secret> blocks;
    std::string_view rest = pem.reveal();
    constexpr std::string_view begin = "-----BEGIN ";
    for (auto at = rest.find(begin); at != std::string_view::npos; at = rest.find(begin)) {
        rest.remove_prefix(at);
        const auto block = rest.substr(0, rest.find(begin, begin.size()));
        if (has(block.substr(0, block.find('\n')), "PRIVATE KEY-----"))
            blocks.emplace_back(block);
        rest.remove_prefix(block.size());
    }
    if (blocks.empty())
        blocks.emplace_back(text);
    return blocks;
}

/// All keys, in their order.
Checked<std::vector<crypto::PrivateKey>> check_keys(const Config& config)
{
    std::vector<crypto::PrivateKey> keys;
    for (const auto& given : config.private_keys) {
        if (is_blank(given.reveal()))
            continue;
        for (const auto& block : key_blocks(given.reveal())) {
            auto key = crypto::PrivateKey::from_base64_pem(block.reveal());
            if (!key) {
                // The parser tells a short key from a broken one in its words only.
                const bool is_short = has(key.error().message(), " bits, too few");
                return refusal(is_short ? ExitCode::key_too_short : code_of_bad_key(block.reveal()), kKeyName,
                    key.error());
            }
            const auto same = [&key](const auto& other) { return other.fingerprint() == key->fingerprint(); };
            if (std::ranges::none_of(keys, same))
                keys.push_back(*std::move(key));
        }
    }
    if (keys.empty())
        return Refusal{ExitCode::key_missing,
            std::string{kKeyName}
                + " is not set: give the pool's key, export SPACELIFT_POOL_PRIVATE_KEY=$(base64 < "
                  "spacelift.key), or name "
                  "its file with --private-key-file"};
    return keys;
}

std::optional<Refusal> check_dates(std::chrono::system_clock::time_point not_before,
    std::chrono::system_clock::time_point not_after, std::chrono::system_clock::time_point now)
{
    if (now < not_before)
        return Refusal{ExitCode::certificate_not_yet_valid,
            std::string{kTokenName} + ": its certificate is valid from " + format_rfc3339(not_before)
                + ", and this machine's clock says " + format_rfc3339(now) + ": set the clock"};
    if (now > not_after)
        return Refusal{ExitCode::certificate_expired,
            std::string{kTokenName} + ": its certificate expired at " + format_rfc3339(not_after)
                + ", and this machine's clock says " + format_rfc3339(now)
                + ": make a pool with a new request, or set the clock if it is wrong"};
    return std::nullopt;
}

} // namespace

std::size_t count_private_keys(const Config& config)
{
    std::size_t number = 0;
    for (const auto& given : config.private_keys)
        if (!is_blank(given.reveal()))
            number += key_blocks(given.reveal()).size();
    return number;
}

Checked<Identity> check_identity(const Config& config, const Clock& clock)
{
    auto token = check_token(config);
    if (auto* failed = std::get_if<Refusal>(&token))
        return std::move(*failed);
    auto checked_keys = check_keys(config);
    if (auto* failed = std::get_if<Refusal>(&checked_keys))
        return std::move(*failed);
    auto& keys = std::get<std::vector<crypto::PrivateKey>>(checked_keys);
    auto& fields = std::get<crypto::PoolToken>(token);
    const auto certificate = crypto::Certificate::from_pem(fields.certificate_pem);
    if (!certificate)
        return refusal(
            ExitCode::token_incomplete, std::string{kTokenName} + ": certificate", certificate.error());
    const auto own = std::find_if(keys.begin(), keys.end(),
        [&certificate](const crypto::PrivateKey& key) { return crypto::key_belongs_to(key, *certificate); });
    if (own == keys.end())
        return Refusal{ExitCode::key_of_another_pool,
            std::string{kKeyName} + " does not belong to the certificate in " + std::string{kTokenName}
                + ": give the key with which this pool's request was made"};
    if (auto failed = check_dates(certificate->not_before(), certificate->not_after(), clock.wall()))
        return *std::move(failed);
    if (!config.additional_root_cas.empty())
        fields.ca_pem = fields.ca_pem.empty() ? config.engine.root_cas
                                              : fields.ca_pem + "\n" + config.additional_root_cas;
    // The variable was checked when it was read.
    auto url = config.comms_url.empty() ? read_server_url(fields.comms_url)
                                        : Result<std::string>{config.comms_url};
    if (!url)
        return refusal(ExitCode::token_incomplete, std::string{kTokenName} + ": comms_url", url.error());
    return Identity{.url = *std::move(url),
        .pool_id = std::move(fields.pool_ulid),
        .certificate_pem = std::move(fields.certificate_pem),
        .ca_pem = std::move(fields.ca_pem),
        .private_key = *own,
        .private_keys = keys,
        .not_before = certificate->not_before(),
        .not_after = certificate->not_after()};
}

ClockCheck check_clock(const Identity& identity, std::chrono::system_clock::time_point ours,
    std::chrono::system_clock::time_point servers)
{
    constexpr std::chrono::minutes tolerated{1};
    const auto apart = std::chrono::duration_cast<std::chrono::seconds>(ours - servers);
    const std::string text = "this machine's clock is " + format_duration(std::chrono::abs(apart))
        + (apart.count() < 0 ? " behind" : " ahead of")
        + " the server's: let NTP set it (timedatectl set-ntp true)";
    if (auto failed = check_dates(identity.not_before, identity.not_after, servers)) {
        if (std::chrono::abs(apart) <= tolerated)
            return {.warning = std::nullopt, .refusal = std::move(failed)};
        return {.warning = std::nullopt,
            .refusal = Refusal{
                ExitCode::clock_skew, text + "; by the server's clock this pool's certificate is not valid"}};
    }
    if (std::chrono::abs(apart) > tolerated)
        return {.warning = text, .refusal = std::nullopt};
    return {};
}

} // namespace slipway::launcher
