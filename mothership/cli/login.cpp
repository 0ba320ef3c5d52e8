#include "mothership/cli/login.h"

#include "common/file.h"
#include "mothership/cli/secret_input.h"
#include "mothership/cli/table.h"

#include <cstdio>
#include <cstdlib>

namespace slipway::cli {

namespace {

constexpr std::size_t kMaxFile = 256 * 1024;

std::string environment(const char* name)
{
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): one thread
    return value == nullptr ? "" : value;
}

void trim(std::string& text)
{
    text.erase(text.find_last_not_of(" \r\n\t") + 1);
    text.erase(0, text.find_first_not_of(" \r\n\t"));
}

Result<Secret> read_key(const std::string& path)
{
    if (!path.empty() && path != "-")
        return read_secret_file(path, kMaxFile);
    return read_secret_input("API key", kMaxFile);
}

} // namespace

Result<std::filesystem::path> account_file()
{
    std::filesystem::path base = environment("XDG_CONFIG_HOME");
    if (!base.is_absolute()) {
        const std::string home = environment("HOME");
        if (home.empty())
            return Error{Errc::not_found,
                "there is no place for the account: set HOME, or XDG_CONFIG_HOME to an absolute path"};
        base = std::filesystem::path{home} / ".config";
    }
    return base / "slipway" / "config.json";
}

Result<Account> load_account()
{
    const auto file = SLIPWAY_TRY(account_file());
    const auto text = SLIPWAY_TRY(read_file_if_exists(file, kMaxFile));
    if (!text)
        return Error{Errc::not_found,
            "nobody is logged in: slipway login --endpoint https://HOST:PORT --ca ca.pem --key-file "
            "admin.key"};
    const auto document = SLIPWAY_TRY(in("reading " + file.string(), JsonDocument::parse(*text)));
    Account account;
    account.endpoint = SLIPWAY_TRY(document.root().string("endpoint"));
    account.ca_pem = SLIPWAY_TRY(document.root().string_or("ca", ""));
    std::string key = SLIPWAY_TRY(document.root().string("api_key"));
    account.api_key = Secret::take(key);
    return account;
}

Result<void> save_account(const Account& account)
{
    const auto file = SLIPWAY_TRY(account_file());
    SLIPWAY_TRY(make_directories(file.parent_path()));
    JsonWriter json;
    json.begin_object().field("endpoint", account.endpoint).field("ca", account.ca_pem);
    json.field("api_key", account.api_key.reveal()).end_object();
    return replace_file(file, json.text() + "\n");
}

Result<void> login(const LoginOptions& options)
{
    SLIPWAY_TRY(account_file());
    Account account;
    account.endpoint = options.endpoint;
    while (account.endpoint.ends_with('/'))
        account.endpoint.pop_back();
    if (!options.ca_file.empty())
        account.ca_pem = SLIPWAY_TRY(in("--ca", read_file(options.ca_file, kMaxFile)));
    const Secret given = SLIPWAY_TRY(in("--key-file", read_key(options.key_file)));
    std::string key{given.reveal()};
    trim(key);
    if (!key.starts_with("slk_"))
        return Error{Errc::invalid_input, "--key-file: an API key starts with slk_; this does not"};
    account.api_key = Secret::take(key);

    auto client = SLIPWAY_TRY(ApiClient::create(account));
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/session"));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body));
    const std::string name = SLIPWAY_TRY(document.root().string("key_name"));
    SLIPWAY_TRY(save_account(account));
    std::printf("logged in to %s with the key \"%s\"\n", printable(account.endpoint).c_str(),
        printable(name).c_str());
    return {};
}

} // namespace slipway::cli
