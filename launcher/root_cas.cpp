#include "launcher/root_cas.h"

#include "common/file.h"
#include "launcher/file_tar.h"

#include <array>

namespace slipway::launcher {

namespace {

/// Of Debian and its kin, Red Hat and its kin, SUSE, Alpine.
constexpr std::array<std::string_view, 4> kSystemFiles{"/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

constexpr std::size_t kMaxBytes = 8 * 1024 * 1024;

} // namespace

Result<std::string> with_system_authorities(std::string_view additional)
{
    for (const auto path : kSystemFiles) {
        auto text = SLIPWAY_TRY(read_file_if_exists(path, kMaxBytes));
        if (text)
            return (text->ends_with('\n') ? *text : *text + "\n") + std::string{additional};
    }
    return Error{Errc::not_found,
        "this machine has no file of trusted authorities (/etc/ssl/certs/ca-certificates.crt): install the "
        "package ca-certificates"};
}

std::vector<PassedVariable> root_cas_variables()
{
    std::vector<PassedVariable> variables;
    for (const char* name : {"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE",
             "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"})
        variables.push_back({.name = name, .value = std::string{kJobRootCas}});
    return variables;
}

Result<void> put_root_cas(JobSlot& slot, const EngineSettings& settings, std::stop_token stop)
{
    if (settings.root_cas.empty())
        return {};
    const std::filesystem::path path{kJobRootCas};
    const auto tar
        = SLIPWAY_TRY(make_tar({{.path = path.filename().string(), .content = settings.root_cas}}));
    return slot.put(
        path.parent_path().string(), [&](const Sink& sink) { return sink(tar); }, std::move(stop));
}

} // namespace slipway::launcher
