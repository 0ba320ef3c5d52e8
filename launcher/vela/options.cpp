#include "launcher/vela/options.h"

#include "launcher/config.h"
#include "launcher/suggestion.h"
#include "launcher/value_syntax.h"
#include "launcher/vela/option_inputs.h"
#include "launcher/vela/option_reading.h"
#include "launcher/vela/option_rows.h"

#include <algorithm>
#include <array>
#include <system_error>

namespace slipway::vela {

namespace {

constexpr std::string_view kBackend = "vela";
/// What makes the same program a worker of another control plane.
constexpr std::string_view kOtherToken = "SPACELIFT_TOKEN";

/// Names that earlier releases or their pages know, and what to do.
struct Removed {
    std::string_view name;
    std::string_view advice;
};

constexpr std::array kRemoved{
    Removed{"VELA_EXECUTOR_LOG_METHOD", "logs are sent as they come: take it away"},
    Removed{"EXECUTOR_LOG_METHOD", "logs are sent as they come: take it away"},
    Removed{"VELA_EXECUTOR_LOG_STREAMING_TIMEOUT", "the name is VELA_LOG_STREAMING_TIMEOUT"},
    Removed{"EXECUTOR_LOG_STREAMING_TIMEOUT", "the name is VELA_LOG_STREAMING_TIMEOUT"},
};

Error wrong(std::string message) { return {Errc::invalid_input, std::move(message)}; }

bool is_given(const Inputs& inputs, std::string_view flag)
{
    const auto given = inputs.given(*row_of_flag(flag));
    return given && !given->text.empty();
}

/// Whether the name of what was given can mean nothing but Vela.
bool is_plain(const Inputs& inputs, std::string_view flag)
{
    const auto name = inputs.given(*row_of_flag(flag))->name;
    return !name.starts_with("VELA_") && !name.starts_with("WORKER_") && !name.starts_with('-')
        && !name.starts_with('/');
}

bool has_other_token(const Inputs& inputs) { return !inputs.variable(kOtherToken).value_or("").empty(); }

std::optional<std::string> first_vela_name(const Inputs& inputs)
{
    for (const std::string_view flag : {"server.addr", "queue.driver"})
        if (is_given(inputs, flag))
            return inputs.given(*row_of_flag(flag))->name;
    return std::nullopt;
}

Result<void> check_choice(const Inputs& inputs)
{
    if (inputs.backend && *inputs.backend != kBackend)
        return wrong("--backend (SLIPWAY_BACKEND) is \"" + *inputs.backend
            + "\", and these are the settings of a Vela worker: set it to vela or leave it out");
    if (has_other_token(inputs))
        return wrong(std::string{kOtherToken} + " and " + first_vela_name(inputs).value_or("--backend vela")
            + " are both set, and one process is the worker of one control plane: take away "
            + std::string{kOtherToken} + ", or what names Vela");
    return {};
}

Result<void> check_flags(const Inputs& inputs)
{
    if (inputs.unknown_flags.empty())
        return {};
    const auto& shown = inputs.unknown_flags.front();
    std::vector<std::string_view> known{"backend"};
    for (const auto& row : rows())
        known.push_back(row.flag);
    const auto bare = std::string_view{shown}.substr(std::min(shown.find_first_not_of('-'), shown.size()));
    const auto nearest = launcher::nearest_name(bare, known);
    if (shown.ends_with(" without a value"))
        return wrong(
            shown + ": give it one, such as " + std::string{shown.substr(0, shown.find(' '))} + "=…");
    return wrong(shown + ": there is no such flag of a Vela worker"
        + (nearest.empty() ? std::string{"; --help shows them all"}
                           : "; did you mean --" + std::string{nearest} + "?"));
}

/// What is odd about a list's entries and yet is taken.
void warn_of_list(const OptionRow& row, const GivenText& given, std::vector<std::string>& warnings)
{
    if (row.kind != Kind::list)
        return;
    const auto entries = read_list(given.text);
    if (std::ranges::any_of(entries,
            [](const std::string& entry) { return launcher::trimmed(entry).size() != entry.size(); }))
        warnings.push_back(given.name
            + ": there is a blank at the end of an entry, and it counts: separate entries by commas alone");
}

Result<void> read_row(ReadOptions& read, const OptionRow& row, const Inputs& inputs)
{
    auto given = inputs.given(row);
    if (!given)
        return {};
    if (given->text.empty() && row.empty == Empty::unset) {
        read.warnings.push_back(given->name + " is empty: the default counts");
        return {};
    }
    if (given->text.empty() && row.empty == Empty::no)
        given->text = "false";
    warn_of_list(row, *given, read.warnings);
    auto done = in(given->name, row.read(read.options, given->text));
    if (row.kind == Kind::secret)
        wipe(given->text);
    return done;
}

std::string name_of(const Inputs& inputs, std::string_view flag)
{
    const auto& row = *row_of_flag(flag);
    const auto given = inputs.given(row);
    return given ? given->name : std::string{usual_name(row)};
}

Result<void> finish_worker_address(Options& options, const Sources& sources)
{
    if (!options.worker_address.empty())
        return {};
    if (sources.os_hostname.empty())
        return wrong("VELA_WORKER_ADDR is not set, and this machine has no name to make it of: set it to "
                     "http://host:port");
    return in("VELA_WORKER_ADDR is not set, and the machine's host name does not do",
        read_worker_address(options, "http://" + sources.os_hostname));
}

/// The variable of a setting that this one is most likely a slip of; empty: it is none, or known.
std::string_view nearest_variable(std::string_view name)
{
    const bool looks_like_ours = name.starts_with("VELA_") || name.starts_with("WORKER_");
    if (!looks_like_ours || row_of_variable(name) != nullptr)
        return {};
    std::vector<std::string_view> known;
    for (const auto& row : rows())
        known.insert(known.end(), row.variables.begin(), row.variables.end());
    return launcher::nearest_name(name, known);
}

/// That a setting is missing, and which variable may have been meant to be it.
Error missing(const Inputs& inputs, std::string_view flag, const std::string& remedy)
{
    const auto& row = *row_of_flag(flag);
    std::string hint;
    for (const auto* variables : {&inputs.sources->variables, &inputs.dotenv})
        for (const auto& variable : *variables)
            if (const auto nearest = nearest_variable(variable.first);
                !nearest.empty() && row_of_variable(nearest) == &row)
                hint = " (" + variable.first + " is set, and is no name of it)";
    return wrong(std::string{usual_name(row)} + " is not set: " + remedy + hint);
}

Result<void> check_required(const Options& options, const Inputs& inputs)
{
    if (options.server_address.empty())
        return missing(inputs, "server.addr", "set it to the address of the Vela server");
    if (options.queue_driver.empty())
        return missing(inputs, "queue.driver", "set it to redis");
    return {};
}

Result<void> check_tls(ReadOptions& read, const Inputs& inputs)
{
    const auto& options = read.options;
    if (!is_tls_version(options.tls_min_version)) {
        auto message = name_of(inputs, "server.tls-min-version") + ": "
            + launcher::in_quotes(options.tls_min_version)
            + " is no TLS version: set it to 1.0, 1.1, 1.2 or 1.3";
        if (options.https)
            return wrong(std::move(message));
        read.warnings.push_back(std::move(message));
        read.options.tls_min_version = Options{}.tls_min_version;
    }
    const bool cert = !options.server_cert.empty();
    const bool key = !options.server_key.empty();
    if (options.https && cert != key)
        return wrong(name_of(inputs, cert ? "server.cert" : "server.cert-key") + " is set and "
            + name_of(inputs, cert ? "server.cert-key" : "server.cert")
            + " is not: set both, or none to have a certificate made");
    if (!options.https && (cert || key))
        read.warnings.push_back(name_of(inputs, cert ? "server.cert" : "server.cert-key")
            + " has no effect: the worker's address begins with http://");
    if (!options.https || cert)
        return {};
    auto message = name_of(inputs, "worker.addr") + " is https://, and VELA_SERVER_CERT and "
        + "VELA_SERVER_CERT_KEY name no certificate for it";
    if (options.strict_tls)
        return wrong(std::move(message) + ": set them, or take away " + name_of(inputs, "strict-tls"));
    read.warnings.push_back(std::move(message)
        + ": one is made that the server cannot verify, and plain HTTP is "
          "served as well; set them to end that");
    return {};
}

void warn_of_unused(ReadOptions& read, const Inputs& inputs)
{
    for (const std::string_view flag :
        {"runtime.config", "runtime.namespace", "runtime.pods-template-name", "runtime.pods-template-file"})
        if (is_given(inputs, flag))
            read.warnings.push_back(
                name_of(inputs, flag) + " has no effect: it is of Kubernetes, and this worker uses Docker");
    if (is_given(inputs, "queue.private-key"))
        read.warnings.push_back(name_of(inputs, "queue.private-key")
            + " has no effect: a worker signs nothing, and should not be given the key");
    const auto level = inputs.given(*row_of_flag("log.level"));
    if (level && !level->text.empty() && !is_log_level(level->text))
        read.warnings.push_back(level->name + ": " + launcher::in_quotes(level->text)
            + " is no level and counts as info: give trace, debug, info, warn, error, fatal or panic");
}

std::optional<std::string> look_at_stranger(std::string_view name)
{
    const auto* removed = std::ranges::find(kRemoved, name, &Removed::name);
    if (removed != kRemoved.end())
        return std::string{name}
        + " is not known any more and has no effect: " + std::string{removed->advice};
    const auto nearest = nearest_variable(name);
    if (nearest.empty())
        return std::nullopt;
    return std::string{name} + " is not known to this version and has no effect; did you mean "
        + std::string{nearest} + "?";
}

void warn_of_strangers(ReadOptions& read, const Inputs& inputs)
{
    std::vector<std::string_view> seen;
    for (const auto* variables : {&inputs.sources->variables, &inputs.dotenv})
        for (const auto& variable : *variables) {
            const std::string_view name = variable.first;
            if (std::ranges::find(seen, name) != seen.end())
                continue;
            seen.push_back(name);
            if (auto warning = look_at_stranger(name))
                read.warnings.push_back(*std::move(warning));
        }
}

Result<void> finish_paths(Options& options, const Inputs& inputs)
{
    const auto home = inputs.variable("HOME");
    if (options.state_directory.empty()) {
        std::vector<std::pair<std::string, std::string>> places;
        for (const auto* name : {"XDG_STATE_HOME", "HOME"})
            if (const auto value = inputs.variable(name))
                places.emplace_back(name, *value);
        options.state_directory = SLIPWAY_TRY(
            launcher::default_state_directory(inputs.sources->root, launcher::Environment::of(places, {})));
    }
    // Docker takes no relative path for what it mounts from there.
    std::error_code code;
    options.state_directory = std::filesystem::absolute(options.state_directory, code).lexically_normal();
    if (code)
        return Error::from_errno("SLIPWAY_STATE_DIR: making it absolute", code.value());
    if (options.docker_cert_path.empty() && options.docker_tls_verify && home && !home->empty())
        options.docker_cert_path = std::filesystem::path{*home} / ".docker";
    return {};
}

} // namespace

bool selected(const Sources& sources)
{
    const auto inputs = take_apart(sources);
    if (inputs.backend)
        return *inputs.backend == kBackend;
    if (!is_given(inputs, "server.addr") || !is_given(inputs, "queue.driver"))
        return false;
    // SERVER_ADDR and QUEUE_DRIVER may be anyone's: they make no Vela worker of one that has another token.
    return !has_other_token(inputs) || !is_plain(inputs, "server.addr") || !is_plain(inputs, "queue.driver");
}

Result<ReadOptions> read_options(const Sources& sources)
{
    const auto inputs = take_apart(sources);
    SLIPWAY_TRY(check_choice(inputs));
    SLIPWAY_TRY(check_flags(inputs));
    ReadOptions read{.options = {}, .warnings = inputs.warnings};
    for (const auto& row : rows())
        SLIPWAY_TRY(read_row(read, row, inputs));
    SLIPWAY_TRY(check_required(read.options, inputs));
    SLIPWAY_TRY(finish_worker_address(read.options, sources));
    SLIPWAY_TRY(check_tls(read, inputs));
    SLIPWAY_TRY(finish_paths(read.options, inputs));
    warn_of_unused(read, inputs);
    warn_of_strangers(read, inputs);
    return read;
}

std::vector<std::string_view> secret_variables()
{
    std::vector<std::string_view> names;
    for (const auto& row : rows())
        if (row.kind == Kind::secret)
            std::ranges::copy_if(row.variables, std::back_inserter(names),
                [](std::string_view name) { return !name.empty(); });
    return names;
}

} // namespace slipway::vela
