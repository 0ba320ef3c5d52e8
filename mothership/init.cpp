#include "mothership/init.h"

#include "common/file.h"
#include "common/http/url.h"
#include "common/json.h"
#include "mothership/people_api.h"
#include "mothership/store/sqlite_store.h"

#include <array>

namespace slipway::mothership {

namespace {

constexpr std::size_t kMaxConfig = 64 * 1024;
constexpr const char* kUnfinished = "unfinished";

Result<void> write_durably(const std::filesystem::path& file, std::string_view content, mode_t mode)
{
    return replace_file(file, content, Durability::host, mode);
}

/// Leaves an empty directory with a mark in it, or says why not.
Result<void> claim(const DataDirectory& directory)
{
    std::error_code failure;
    const auto mark = directory.root / kUnfinished;
    if (std::filesystem::exists(directory.config(), failure))
        return Error{Errc::conflict,
            directory.root.string()
                + " is a data directory already; nothing was changed. Start it with"
                  " slipway-mothership serve --data-dir "
                + directory.root.string()};
    const bool cut_off = std::filesystem::exists(mark, failure);
    if (std::filesystem::exists(directory.root, failure) && !cut_off
        && !std::filesystem::is_empty(directory.root, failure))
        return Error{Errc::conflict,
            directory.root.string()
                + " holds files that init did not make; nothing was changed. Name a directory that"
                  " does not exist or is empty"};
    SLIPWAY_TRY(make_directories(directory.root, 0700));
    std::filesystem::permissions(directory.root, std::filesystem::perms::owner_all, failure);
    if (failure)
        return Error{
            Errc::internal, "setting the mode of " + directory.root.string() + ": " + failure.message()};
    SLIPWAY_TRY(write_durably(mark, "", 0600));
    const std::array leftovers{directory.database(), directory.root / "slipway.db-wal",
        directory.root / "slipway.db-shm", directory.generation(), directory.blobs()};
    for (const auto& path : leftovers)
        SLIPWAY_TRY(remove_tree(path));
    return {};
}

Result<void> write_identity(
    const DataDirectory& directory, const Config& config, const Clock& clock, Random& random)
{
    const auto authority
        = SLIPWAY_TRY(crypto::CertificateAuthority::create(config.name + " CA", random, clock.wall()));
    const Secret key = SLIPWAY_TRY(authority.key_pem());
    SLIPWAY_TRY(write_durably(directory.ca_key(), key.reveal(), 0600));
    const std::string certificate = SLIPWAY_TRY(authority.certificate().to_pem());
    SLIPWAY_TRY(write_durably(directory.ca_certificate(), certificate, 0644));
    return issue_server_certificate(directory, config, authority, clock, random);
}

Result<void> write_admin_key(const DataDirectory& directory, const Clock& clock, Random& random)
{
    const auto store = SLIPWAY_TRY(make_sqlite_store(directory.database()));
    const auto key = make_api_key("admin", clock, random);
    SLIPWAY_TRY(store->write([&](Transaction& records) { return records.add_api_key(key.record); }));
    std::string line = std::string{key.text.reveal()} + "\n";
    auto written = write_durably(directory.admin_key(), line, 0600);
    wipe(line);
    return written;
}

std::string config_json(const Config& config)
{
    JsonWriter json;
    json.begin_object().field("name", config.name).field("endpoint", config.endpoint).end_object();
    return json.take() + "\n";
}

std::string next_steps(const DataDirectory& directory, const Config& config)
{
    const std::string dir = directory.root.string();
    return "The control plane \"" + config.name + "\" is ready in " + dir + ".\n\nNext:\n"
        + "  openssl req -new -newkey rsa:4096 -nodes -keyout spacelift.key -out spacelift.csr\n"
        + "  slipway-mothership serve --data-dir " + dir + "\n  slipway login --endpoint " + config.endpoint
        + " --ca " + directory.ca_certificate().string() + " --key-file " + directory.admin_key().string()
        + "\n  slipway pool create --name demo --csr spacelift.csr --out pool.token\n\nKeep safe and back "
          "up: "
        + directory.ca_key().string() + " (signs pools) and " + directory.admin_key().string()
        + " (is your access).\n";
}

bool is_numeric_address(const std::string& host)
{
    return host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
}

} // namespace

Result<void> issue_server_certificate(const DataDirectory& directory, const Config& config,
    const crypto::CertificateAuthority& authority, const Clock& clock, Random& random)
{
    crypto::ServerNames names;
    (is_numeric_address(config.host) ? names.ips : names.dns).push_back(config.host);
    const auto server = SLIPWAY_TRY(authority.issue_server(names, random, clock.wall()));
    std::string both = SLIPWAY_TRY(server.certificate.to_pem());
    both += server.key_pem.reveal();
    auto written = write_durably(directory.server_identity(), both, 0600);
    wipe(both);
    return written;
}

Result<Config> parse_endpoint(const std::string& endpoint)
{
    const auto url = SLIPWAY_TRY(in("--endpoint", http::parse_url(endpoint)));
    if (url.scheme != "https" || url.path != "/" || !url.query.empty())
        return Error{Errc::invalid_input, "--endpoint: expected https://host:port with nothing behind it"};
    Config config;
    config.host = url.host;
    config.port = url.port;
    const bool ipv6 = url.host.find(':') != std::string::npos;
    config.endpoint = "https://" + (ipv6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
    return config;
}

Result<Config> read_config(const std::filesystem::path& file)
{
    const auto text = read_file(file, kMaxConfig);
    if (!text && text.error().code() == Errc::not_found)
        return Error{Errc::not_found,
            file.parent_path().string() + " is no data directory: make one with slipway-mothership init"};
    if (!text)
        return text.error();
    const auto document = SLIPWAY_TRY(in(file.string(), JsonDocument::parse(*text)));
    const auto endpoint = SLIPWAY_TRY(in(file.string(), document.root().string("endpoint")));
    Config config = SLIPWAY_TRY(in(file.string(), parse_endpoint(endpoint)));
    config.name = SLIPWAY_TRY(in(file.string(), document.root().string_or("name", "slipway")));
    return config;
}

Result<std::string> init_data_directory(const InitOptions& options, const Clock& clock, Random& random)
{
    Config config = SLIPWAY_TRY(parse_endpoint(options.endpoint));
    if (options.name.empty() || options.name.size() > 64)
        return Error{Errc::invalid_input, "--name: expected 1 to 64 bytes"};
    config.name = options.name;
    const DataDirectory directory{std::filesystem::absolute(options.data_dir)};
    SLIPWAY_TRY(claim(directory));
    SLIPWAY_TRY(write_identity(directory, config, clock, random));
    SLIPWAY_TRY(make_directories(directory.blobs(), 0700));
    SLIPWAY_TRY(write_durably(directory.generation(), "0\n", 0600));
    SLIPWAY_TRY(write_admin_key(directory, clock, random));
    SLIPWAY_TRY(write_durably(directory.config(), config_json(config), 0600));
    SLIPWAY_TRY(remove_tree(directory.root / kUnfinished));
    return next_steps(directory, config);
}

} // namespace slipway::mothership
