#include "mothership/options.h"

#include "common/protocol/wire.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace slipway::mothership {

namespace {

constexpr protocol::Millis kSecond = 1'000;
/// In seconds. Workers must be able to renew it several times.
constexpr protocol::Millis kShortestLease = 5;

constexpr const char* kFooter = R"(From nothing to a pool:
  slipway-mothership init --data-dir /var/lib/slipway-mothership --endpoint https://mothership.example.com:8443
  slipway-mothership serve --data-dir /var/lib/slipway-mothership
  openssl req -new -newkey rsa:4096 -nodes -keyout spacelift.key -out spacelift.csr
  slipway login --endpoint https://mothership.example.com:8443 --ca …/ca.pem --key-file …/admin.key
  slipway pool create --name demo --csr spacelift.csr --out pool.token

TERM or INT ends serve after the requests that are under way; runs go on, their launchers report later.)";

} // namespace

Result<Command> parse_command_line(int argc, const char* const* argv)
{
    InitOptions init;
    ServeOptions serve;
    std::string log_format = "logfmt";
    protocol::Millis lease = serve.terms.lease / kSecond;
    CLI::App app{
        "Slipway's control plane: pools, stacks, the queue, runs and their logs. One process, one port."};
    app.name("slipway-mothership");
    app.footer(kFooter);
    app.set_version_flag("--version", "slipway-mothership " SLIPWAY_VERSION);
    app.require_subcommand(1);

    auto* init_command
        = app.add_subcommand("init", "make a data directory: CA, server certificate, database, admin key");
    init_command->add_option("--data-dir", init.data_dir, "directory to make; it must not exist or be empty")
        ->required();
    init_command
        ->add_option("--endpoint", init.endpoint,
            "URL under which workers and people reach this server; its host goes into the server's "
            "certificate")
        ->required();
    init_command->add_option("--name", init.name, "name that people see")->capture_default_str();

    auto* serve_command = app.add_subcommand("serve", "serve a data directory that init made");
    serve_command->add_option("--data-dir", serve.data_dir, "the directory")->required();
    serve_command->add_option("--listen", serve.listen,
        "ADDRESS:PORT to listen on, :PORT for all addresses, port 0 for any; default: the endpoint's port, "
        "on all addresses unless "
        "the endpoint is local");
    serve_command
        ->add_option("--lease", lease,
            "seconds after which a worker that was not heard of has lost what it holds; what only reads is "
            "granted again then")
        ->check(CLI::Range(kShortestLease, protocol::kMaxLease / kSecond))
        ->capture_default_str();
    serve_command->add_option("--log-format", log_format, "form of the log on standard output")
        ->check(CLI::IsMember({"logfmt", "json"}))
        ->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) { // help or version
        std::ostringstream text;
        app.exit(success, text, text);
        return Command{PrintText{text.str()}};
    } catch (const CLI::Error& error) {
        return Error{Errc::invalid_input, std::string{error.what()} + "; see slipway-mothership --help"};
    }
    if (init_command->parsed())
        return Command{init};
    serve.log_format = log_format == "json" ? LogFormat::json : LogFormat::logfmt;
    serve.terms.lease = lease * kSecond;
    serve.terms.margin = std::min(serve.terms.margin, serve.terms.lease);
    return Command{serve};
}

} // namespace slipway::mothership
