#include "mothership/service.h"

#include "common/file.h"
#include "mothership/retention.h"
#include "mothership/store/sqlite_store.h"

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <thread>

namespace slipway::mothership {

namespace {

constexpr std::chrono::seconds kLockPatience{10};
constexpr std::chrono::hours kHousekeeping{1};
constexpr std::size_t kMaxPem = 64 * 1024;
/// Of a route that does not say how much more it needs.
constexpr std::uint64_t kMaxBody = 64 * 1024;
/// Descriptors that are not connections: store, blobs, logs.
constexpr std::size_t kSpareDescriptors = 128;

struct Listen {
    std::string address;
    std::uint16_t port = 0;
};

Result<Listen> parse_listen(const std::string& text, const Config& config)
{
    if (text.empty()) {
        const bool local = config.host == "localhost" || config.host == "127.0.0.1";
        if (config.host == "::1")
            return Listen{.address = "::1", .port = config.port};
        return Listen{.address = local ? "127.0.0.1" : "::", .port = config.port};
    }
    const auto colon = text.rfind(':');
    Listen listen;
    const char* const end = text.data() + text.size();
    const char* const port = colon == std::string::npos ? end : text.data() + colon + 1;
    const auto read = std::from_chars(port, end, listen.port);
    if (port == end || read.ec != std::errc{} || read.ptr != end)
        return Error{Errc::invalid_input,
            "--listen: expected ADDRESS:PORT, e.g. 127.0.0.1:8443, or :8443 for all addresses"};
    listen.address = text.substr(0, colon);
    if (listen.address.starts_with('[') && listen.address.ends_with(']'))
        listen.address = listen.address.substr(1, listen.address.size() - 2);
    if (listen.address.empty() || listen.address == "*")
        listen.address = "::";
    return listen;
}

/// Takes as many descriptors as the host allows and says how many connections they are good for.
std::size_t connections_at_most(std::size_t wanted)
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    const rlimit most{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &most) == 0)
        limit = most;
    const std::size_t descriptors = limit.rlim_cur;
    return std::min(wanted, descriptors - std::min(kSpareDescriptors, descriptors / 2));
}

Result<http::ServerTls> server_tls(const DataDirectory& directory)
{
    std::string identity = SLIPWAY_TRY(read_file(directory.server_identity(), kMaxPem));
    http::ServerTls tls;
    tls.certificate_chain = identity.substr(0, identity.find("-----BEGIN PRIVATE KEY"));
    tls.private_key = Secret::take(identity);
    tls.client_ca = SLIPWAY_TRY(read_file(directory.ca_certificate(), kMaxPem));
    return tls;
}

Result<http::ServerOptions> server_options(const DataDirectory& directory, const Listen& listen)
{
    http::ServerOptions options;
    options.address = listen.address;
    options.port = listen.port;
    options.tls = SLIPWAY_TRY(server_tls(directory));
    options.limits.body_bytes = kMaxBody;
    options.limits.connections = connections_at_most(options.limits.connections);
    return options;
}

} // namespace

Service::Service(Config config, DirectoryLock lock, std::unique_ptr<Store> store, DataDirectory directory,
    const ServiceParts& parts)
    : parts_{parts}
    , config_{std::move(config)}
    , directory_{std::move(directory)}
    , lock_{std::move(lock)}
    , store_{std::move(store)}
    , blobs_{directory_.blobs(), parts.clock, parts.random}
{
}

Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::open(
    const ServeOptions& options, const ServiceParts& parts, std::stop_token stop)
{
    const DataDirectory directory{std::filesystem::absolute(options.data_dir)};
    Config config = SLIPWAY_TRY(read_config(directory.config()));
    auto lock = SLIPWAY_TRY(
        DirectoryLock::take(directory, parts.clock, parts.logger, kLockPatience, std::move(stop)));
    auto store = SLIPWAY_TRY(open_sqlite_store(directory.database()));
    std::unique_ptr<Service> service{
        new Service{std::move(config), std::move(lock), std::move(store), directory, parts}};
    SLIPWAY_TRY(service->build(options));
    return service;
}

Result<void> Service::build(const ServeOptions& options)
{
    const std::string ca_pem = SLIPWAY_TRY(read_file(directory_.ca_certificate(), kMaxPem));
    std::string ca_key = SLIPWAY_TRY(read_file(directory_.ca_key(), kMaxPem));
    auto authority
        = SLIPWAY_TRY(in("the CA", crypto::CertificateAuthority::load(ca_pem, Secret::take(ca_key))));
    authority_ = std::make_unique<crypto::CertificateAuthority>(std::move(authority));
    SLIPWAY_TRY(renew_server_certificate());
    plane_ = SLIPWAY_TRY(ControlPlane::start({.store = *store_,
                                                 .topics = topics_,
                                                 .clock = parts_.clock,
                                                 .random = parts_.random,
                                                 .logger = parts_.logger},
        directory_.generation(), options.terms));
    SLIPWAY_TRY(sweep_blobs());
    workers_ = std::make_unique<WorkerApi>(*plane_, blobs_);
    people_ = std::make_unique<PeopleApi>(*plane_, blobs_, *authority_,
        ServerIdentity{.name = config_.name, .version = SLIPWAY_VERSION, .endpoint = config_.endpoint});
    http::Router router;
    workers_->add_routes(router);
    people_->add_routes(router);
    const auto listen = SLIPWAY_TRY(parse_listen(options.listen, config_));
    auto server = SLIPWAY_TRY(server_options(directory_, listen));
    auto listening = http::Server::listen(std::move(server), std::move(router), topics_, parts_.logger);
    if (!listening && listening.error().code() == Errc::conflict)
        return Error{Errc::conflict,
            listening.error().message() + ": stop what listens there, or choose another port with --listen"};
    server_ = SLIPWAY_TRY(std::move(listening));
    return {};
}

Result<void> Service::renew_server_certificate()
{
    const std::string pem = SLIPWAY_TRY(read_file(directory_.server_identity(), kMaxPem));
    const auto certificate = SLIPWAY_TRY(crypto::Certificate::from_pem(pem));
    const auto left = certificate.not_after() - parts_.clock.wall();
    if (left > (certificate.not_after() - certificate.not_before()) / 3)
        return {};
    SLIPWAY_TRY(issue_server_certificate(directory_, config_, *authority_, parts_.clock, parts_.random));
    if (server_) {
        const auto tls = SLIPWAY_TRY(server_tls(directory_));
        SLIPWAY_TRY(server_->replace_tls(tls));
    }
    parts_.logger.info("the server's certificate was to end soon: made a new one");
    return {};
}

Result<void> Service::sweep_blobs()
{
    using Orphans = BlobDirectory::Orphans;
    std::vector<std::string> known;
    auto orphans = Orphans::keep;
    const auto look = [&](Transaction& records) -> Result<void> {
        known = SLIPWAY_TRY(records.blob_files());
        // A restored store does not know the files of what it lost; somebody may bring that back.
        orphans = SLIPWAY_TRY(records.meta()).epoch > 1 ? Orphans::keep : Orphans::remove;
        return {};
    };
    SLIPWAY_TRY(store_->read(look));
    const auto removed = SLIPWAY_TRY(blobs_.sweep(std::move(known), orphans));
    if (removed > 0)
        parts_.logger.info(
            "remains of uploads that were cut off are gone", {{"files", std::to_string(removed)}});
    return {};
}

void Service::keep_house()
{
    if (auto done = tidy(*plane_, blobs_); !done)
        parts_.logger.error("letting go of what is not needed", done.error());
    if (auto done = renew_server_certificate(); !done)
        parts_.logger.error("renewing the server's certificate", done.error());
}

void Service::run(std::stop_token stop)
{
    const std::jthread time{[this](std::stop_token ended) { plane_->run(std::move(ended)); }};
    const std::jthread housekeeper{[this](const std::stop_token& ended) {
        do
            keep_house();
        while (parts_.clock.sleep_for(kHousekeeping, ended) == Clock::Slept::whole);
    }};
    server_->run(std::move(stop));
}

} // namespace slipway::mothership
