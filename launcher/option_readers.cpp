#include "launcher/option_readers.h"

#include "common/http/url.h"
#include "launcher/job_values.h"
#include "launcher/value_syntax.h"

#include <algorithm>
#include <array>

namespace slipway::launcher {

namespace {

Result<std::string> read_word(std::string_view text, std::initializer_list<std::string_view> known)
{
    std::string all;
    for (const auto word : known) {
        if (word == text)
            return std::string{text};
        all += (all.empty() ? "" : ", ") + std::string{word};
    }
    return Error{Errc::invalid_input, in_quotes(text) + " is none of " + all};
}

/// The mapping of a number, made when it is new.
Result<PrivateVcs*> mapping_of(Config& config, std::string_view number)
{
    if (number.empty() || number.size() > 9
        || !std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; }))
        return Error{Errc::invalid_input,
            "its name ends in " + in_quotes(number) + ": number the mappings 0, 1, 2 and so on"};
    auto found = std::ranges::find(config.private_vcs, number, &PrivateVcs::number);
    if (found == config.private_vcs.end())
        found = config.private_vcs.insert(found, {.number = std::string{number}});
    return &*found;
}

Result<std::string> read_endpoint(std::string_view text)
{
    const auto url = http::parse_url(text);
    if (!url || !url->query.empty())
        return Error{Errc::invalid_input,
            in_quotes(without_password(text)) + " is no address of a version control system"
                + (url ? "" : " (" + url.error().message() + ")")
                + ": give https://host, with a port or path"};
    return std::string{text};
}

} // namespace

Result<std::vector<AllowedName>> read_allow_list(std::string_view text)
{
    return read_allowed_names(text, kSecretVariables);
}

std::string allow_list_text(const std::vector<AllowedName>& names)
{
    std::vector<std::string> entries;
    for (const auto& [name, stages] : names) {
        const std::string_view prefix = stages == StageClass::read ? "ro_"
            : stages == StageClass::write                          ? "wo_"
                                                                   : "";
        entries.push_back(std::string{prefix} + name);
    }
    return list_text(entries);
}

Result<std::string> read_comms_protocol(std::string_view text) { return read_word(text, {"poll", "mqtt"}); }

Result<std::string> read_observability(std::string_view text)
{
    return read_word(text, {"Disabled", "Datadog", "AWS", "OpenTelemetry"});
}

Result<void> set_tls_verify(Config& config, std::string_view /*any*/)
{
    config.docker_tls_verify = true;
    return {};
}

std::string tls_verify_text(const Config& config) { return config.docker_tls_verify ? "true" : ""; }

Result<std::optional<int>> read_warm_slots(std::string_view text)
{
    return std::optional{static_cast<int>(SLIPWAY_TRY(read_whole(text, 0, 256)))};
}

std::string warm_slots_text(std::optional<int> number) { return number ? std::to_string(*number) : ""; }

std::string percent_text(int percent) { return percent == 0 ? "" : std::to_string(percent) + "%"; }

Result<void> add_mounts(Config& config, std::string_view text, StageClass stages)
{
    auto& all = config.engine.extra_mounts;
    const auto mounts = SLIPWAY_TRY(read_mounts(text, stages));
    all.insert(all.end(), mounts.begin(), mounts.end());
    return check_mounts(all);
}

std::string root_cas_text(const std::string& pem)
{
    int number = 0;
    for (std::size_t at = 0; (at = pem.find("-----BEGIN ", at)) != std::string::npos; ++at)
        ++number;
    return number == 0 ? "" : std::to_string(number) + (number == 1 ? " certificate" : " certificates");
}

Result<void> read_metadata(Config& config, std::string_view name, std::string_view value)
{
    auto& metadata = config.engine.metadata;
    if (metadata.size() == protocol::kMaxMetadata)
        return Error{Errc::invalid_input,
            "it is one tag too many: a worker has at most " + std::to_string(protocol::kMaxMetadata)};
    if (name.size() > protocol::kMaxMetadataName || value.size() > protocol::kMaxMetadataValue)
        return Error{Errc::invalid_input,
            "a tag's name may have " + std::to_string(protocol::kMaxMetadataName) + " bytes and its value "
                + std::to_string(protocol::kMaxMetadataValue)};
    metadata.emplace_back(name, value);
    return {};
}

Result<void> read_vcs_name(Config& config, std::string_view number, std::string_view value)
{
    SLIPWAY_TRY(mapping_of(config, number))->name = value;
    return {};
}

Result<void> read_vcs_endpoint(Config& config, std::string_view number, std::string_view value)
{
    SLIPWAY_TRY(mapping_of(config, number))->base_endpoint = SLIPWAY_TRY(read_endpoint(value));
    return {};
}

Result<void> read_vcs(Config& config, std::string_view name, std::string_view endpoint)
{
    auto base = SLIPWAY_TRY(read_endpoint(endpoint));
    config.private_vcs.push_back({.number = "", .name = std::string{name}, .base_endpoint = std::move(base)});
    return {};
}

Result<void> check_private_vcs(const std::vector<PrivateVcs>& mappings)
{
    for (const auto& mapping : mappings) {
        if (!mapping.name.empty() && !mapping.base_endpoint.empty())
            continue;
        const std::string name = "SPACELIFT_PRIVATEVCS_MAPPING_NAME_" + mapping.number;
        const std::string endpoint = "SPACELIFT_PRIVATEVCS_MAPPING_BASE_ENDPOINT_" + mapping.number;
        const bool lacks_name = mapping.name.empty();
        return Error{Errc::invalid_input,
            (lacks_name ? name : endpoint) + " is not set, and " + (lacks_name ? endpoint : name)
                + " means nothing without it: set both or none"};
    }
    return {};
}

} // namespace slipway::launcher
