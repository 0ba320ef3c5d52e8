#pragma once

#include "common/http/http_server.h"
#include "mothership/data_directory.h"
#include "mothership/init.h"
#include "mothership/people_api.h"
#include "mothership/worker_api.h"

#include <memory>
#include <stop_token>

namespace slipway::mothership {

/// What outlives a service.
struct ServiceParts {
    const Clock& clock;
    Random& random;
    Logger logger;
};

/// A data directory in service: lock, store, control plane, both APIs and the HTTP server, in that order.
class Service {
public:
    /// Opens everything and listens; serves once `run` is called.
    static Result<std::unique_ptr<Service>> open(
        const ServeOptions& options, const ServiceParts& parts, std::stop_token stop);

    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    ~Service();

    /// Serves until `stop` or `stop()`.
    void run(std::stop_token stop);

    /// Makes `run` return after the requests that are under way.
    void stop() { server_->stop(); }

    [[nodiscard]] std::uint16_t port() const noexcept { return server_->port(); }

    [[nodiscard]] const Config& config() const noexcept { return config_; }

private:
    Service(Config config, DirectoryLock lock, std::unique_ptr<Store> store, DataDirectory directory,
        const ServiceParts& parts);
    Result<void> build(const ServeOptions& options);
    /// When a third of its time is left.
    Result<void> renew_server_certificate();
    Result<void> sweep_blobs();
    /// What is to be done now and then.
    void keep_house();

    ServiceParts parts_;
    Config config_;
    DataDirectory directory_;
    DirectoryLock lock_;
    http::Topics topics_;
    std::unique_ptr<Store> store_;
    BlobDirectory blobs_;
    std::unique_ptr<ControlPlane> plane_;
    std::unique_ptr<crypto::CertificateAuthority> authority_;
    std::unique_ptr<WorkerApi> workers_;
    std::unique_ptr<PeopleApi> people_;
    std::unique_ptr<http::Server> server_;
};

} // namespace slipway::mothership
