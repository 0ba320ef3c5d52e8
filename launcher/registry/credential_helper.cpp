#include "launcher/registry/credential_helper.h"

#include "common/json.h"
#include "launcher/program.h"

namespace slipway::launcher {

namespace {

/// The words that every helper uses (credentials/error.go there): the protocol has no other sign for it.
constexpr std::string_view kNotFound = "credentials not found in native keychain";
/// In place of a name: the secret is an identity token (docker login, "Credential helper protocol").
constexpr std::string_view kTokenName = "<token>";
constexpr std::size_t kMaxAnswer = 64 * 1024; // of an identity token, a few kilobytes

std::string_view trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Error failure_of(Error error, const ProgramCall& call, const std::string& by_hand)
{
    const std::string& program = call.argv[0];
    switch (error.code()) {
    case Errc::not_found:
        return {Errc::internal,
            program
                + ", which config.json names, is not in the launcher's PATH: install it there, or take it "
                  "out of config.json"};
    case Errc::timed_out:
        return {Errc::timed_out,
            program + " did not answer within " + std::to_string(call.deadline.count() / 1000)
                + " s and was ended (it must not ask anyone)" + by_hand};
    case Errc::cancelled:
        return error;
    default:
        return {Errc::internal, error.message() + by_hand};
    }
}

} // namespace

Result<StoredLogin> parse_helper_answer(std::string_view json)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(json, {.max_bytes = kMaxAnswer, .max_depth = 8}));
    StoredLogin login;
    auto secret = SLIPWAY_TRY(document.root().string("Secret"));
    auto kept = Secret::take(secret);
    login.username = SLIPWAY_TRY(document.root().string("Username"));
    if (login.username == kTokenName) {
        login.username.clear();
        login.identity_token = std::move(kept);
    } else {
        login.password = std::move(kept);
    }
    return login;
}

Result<std::optional<StoredLogin>> ask_helper(
    std::string_view name, std::string_view registry, const HelperSettings& settings, std::stop_token stop)
{
    const std::string address = login_address(registry);
    const ProgramCall call{.argv = {"docker-credential-" + std::string{name}, "get"},
        .environment = settings.environment,
        .input = address,
        .deadline = settings.deadline,
        .max_output = kMaxAnswer};
    const std::string by_hand
        = "; try it as the launcher's user: echo " + address + " | " + call.argv[0] + " get";
    auto ended = run_program(call, std::move(stop));
    if (!ended)
        return failure_of(std::move(ended).error(), call, by_hand);
    const bool none = trimmed(ended->output) == kNotFound || trimmed(ended->errors) == kNotFound;
    auto login = ended->code == 0 ? parse_helper_answer(ended->output) : StoredLogin{};
    wipe(ended->output);
    if (none)
        return std::optional<StoredLogin>{};
    if (ended->code != 0)
        return Error{Errc::internal,
            call.argv[0] + " failed with exit code " + std::to_string(ended->code)
                + " (it may have asked for a password, which nobody can give it here)" + by_hand};
    if (!login) // its message may quote what should be secret
        return Error{Errc::internal,
            call.argv[0] + " answered what is no login (JSON with Username and Secret)" + by_hand};
    if (login->empty())
        return std::optional<StoredLogin>{};
    return std::optional{*std::move(login)};
}

} // namespace slipway::launcher
