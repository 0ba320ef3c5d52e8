#include "mothership/cli/command_line.h"

#include "mothership/cli/command_tree.h"
#include "mothership/cli/commands.h"
#include "mothership/cli/login.h"
#include "mothership/cli/table.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <functional>
#include <utility>

namespace slipway::cli {

namespace {

Result<int> follow(const LogOptions& options)
{
    const Account account = SLIPWAY_TRY(load_account());
    auto client = SLIPWAY_TRY(ApiClient::create(account));
    const RunEnd end = SLIPWAY_TRY(print_log(client, options));
    return end == RunEnd::failed ? kRunFailed : 0;
}

void add_pools(CLI::App& app, Work& work, bool& json)
{
    auto* pool = app.add_subcommand("pool", "Worker pools")->require_subcommand(1);
    auto* create = pool->add_subcommand("create", "Make a pool from a certificate signing request");
    create->footer("Make key and request first; the key stays with you:\n"
                   "  openssl req -new -newkey rsa:4096 -nodes -keyout spacelift.key -out spacelift.csr\n"
                   "  slipway pool create --name demo --csr spacelift.csr --out pool.token");
    auto options = std::make_shared<PoolCreateOptions>();
    create->add_option("--csr", options->csr, "File with the request")->required()->check(CLI::ExistingFile);
    create->add_option("--name", options->name, "Name of the pool")->required();
    options->out = "pool.token";
    create->add_option("--out", options->out, "File for the token")->capture_default_str();
    create->callback([&work, options] {
        work = [options] {
            return with_client([&](ApiClient& client) { return create_pool(client, *options); });
        };
    });
    auto* list = pool->add_subcommand("list", "All pools with their workers and queues");
    list->footer("Example: slipway pool list --json");
    list->add_flag("--json", json, "Print the server's answer");
    list->callback([&work, &json] {
        work = [&json] { return with_client([&](ApiClient& client) { return list_pools(client, json); }); };
    });

    auto* pin
        = pool->add_subcommand("pin", "The fingerprint of a pool's key that secrets are sealed to here");
    pin->footer("Without a fingerprint it shows what is pinned and what the control plane says. A pool's "
                "owner has it\n"
                "from the key: openssl pkey -in spacelift.key -pubout -outform DER | sha256sum\n"
                "Example: slipway pool pin demo SHA256:9f86d081…");
    auto pinned = std::make_shared<std::pair<std::string, std::string>>();
    pin->add_option("pool", pinned->first, "Name or id")->required();
    pin->add_option("fingerprint", pinned->second, "The one to pin from now on");
    pin->callback([&work, pinned] {
        work = [pinned] {
            return with_client(
                [&](ApiClient& client) { return pin_pool_key(client, pinned->first, pinned->second); });
        };
    });

    auto* worker = app.add_subcommand("worker", "Workers")->require_subcommand(1);
    auto* workers = worker->add_subcommand("list", "Registered workers");
    workers->footer("Example: slipway worker list --pool demo");
    auto name = std::make_shared<std::string>();
    workers->add_option("--pool", *name, "Only this pool (name or id)");
    workers->add_flag("--json", json, "Print the server's answer");
    workers->callback([&work, &json, name] {
        work = [&json, name] {
            return with_client([&](ApiClient& client) { return list_workers(client, *name, json); });
        };
    });
}

void add_run_views(CLI::App& run, Work& work, bool& json)
{
    auto id = std::make_shared<std::string>();
    auto* list = run.add_subcommand("list", "Newest runs");
    list->footer("Example: slipway run list --stack web");
    list->add_option("--stack", *id, "Only this stack");
    list->add_flag("--json", json, "Print the server's answer");
    list->callback([&work, &json, id] {
        work = [&json, id] {
            return with_client([&](ApiClient& client) { return list_runs(client, *id, json); });
        };
    });
    auto* show = run.add_subcommand("show", "State, stages and timeline of a run, and what it waits for");
    show->footer("Example: slipway run show 01JDYZ3NDEKTSV4RRFFQ69G5FA");
    show->add_option("id", *id, "The run")->required();
    show->add_flag("--json", json, "Print the server's answer");
    show->callback([&work, &json, id] {
        work = [&json, id] {
            return with_client([&](ApiClient& client) { return show_run(client, *id, json); });
        };
    });
    auto options = std::make_shared<LogOptions>();
    auto* logs = run.add_subcommand("logs", "The log of a run, byte for byte");
    logs->footer("Example: slipway run logs -f 01JDYZ3NDEKTSV4RRFFQ69G5FA");
    logs->add_option("id", options->run, "The run")->required();
    logs->add_flag(
        "-f,--follow", options->follow, "Until the run ends or waits for a person; exits 2 if it failed");
    logs->add_option("--offset", options->offset, "First byte");
    logs->callback([&work, options] { work = [options] { return follow(*options); }; });
}

/// What is the same for every command that starts a run.
struct StartOptions {
    std::string stack;
    std::string type = "TRACKED";
    std::string command;
    bool following = false;
    bool quiet = false;
};

std::shared_ptr<StartOptions> add_start_options(CLI::App& app, Work& work)
{
    auto options = std::make_shared<StartOptions>();
    app.add_option("stack", options->stack, "The stack")->required();
    app.add_flag("-f,--follow", options->following, "Show the log until it ends or waits for a person");
    app.add_flag("-q,--quiet", options->quiet, "Print the id alone");
    app.callback([&work, options] {
        work = [options]() -> Result<int> {
            std::string id;
            const auto started = with_client([&](ApiClient& client) -> Result<void> {
                id = SLIPWAY_TRY(start_run(client, options->stack, options->type, options->command));
                return {};
            });
            if (!started)
                return started.error();
            std::printf(options->quiet ? "%s\n" : "run %s\n", printable(id).c_str());
            std::fflush(stdout);
            return options->following ? follow({.run = id, .offset = 0, .follow = true}) : Result<int>{0};
        };
    });
    return options;
}

void add_tasks(CLI::App& app, Work& work)
{
    auto* task = app.add_subcommand("task", "Commands that are run once in a stack")->require_subcommand(1);
    auto* run = task->add_subcommand("run", "Run a command as a task, after the init phase");
    run->footer("Example: slipway task run -f web 'tofu state list'");
    const auto options = add_start_options(*run, work);
    options->type = "TASK";
    run->add_option("command", options->command, "The command, as one word of the shell")->required();
}

void add_tests(CLI::App& module, Work& work)
{
    auto* test = module.add_subcommand("test", "Plan, apply and destroy, as a run of the type TESTING");
    test->footer("Example: slipway module test -f vpc");
    add_start_options(*test, work)->type = "TESTING";
}

void add_runs(CLI::App& app, Work& work, bool& json)
{
    auto* run = app.add_subcommand("run", "Runs")->require_subcommand(1);
    auto* start = run->add_subcommand("start", "Start a run of a stack");
    start->footer("Example: slipway run start -f web\n"
                  "A run of the type DESTROY runs the destroy commands at once, without asking.");
    const auto options = add_start_options(*start, work);
    start->add_option("--type", options->type, "TRACKED, PROPOSED (plans only) or DESTROY")
        ->capture_default_str();
    constexpr std::array<std::pair<const char*, const char*>, 5> kVerbs{
        {{"confirm", "Apply what was planned"}, {"discard", "Do not apply what was planned"},
            {"stop", "Stop a run"},
            {"release", "Let a run go on that is held since the store was restored from a backup"},
            {"declare-lost", "Say that the worker that has the run will not come back"}}};
    for (const auto& [verb, help] : kVerbs) {
        auto id = std::make_shared<std::string>();
        auto* decide = run->add_subcommand(verb, help);
        decide->footer("Example: slipway run " + std::string{verb} + " 01JDYZ3NDEKTSV4RRFFQ69G5FA");
        decide->add_option("id", *id, "The run")->required();
        decide->callback([id, verb = std::string{verb}, &work] {
            work = [id, verb] {
                return with_client([&](ApiClient& client) { return decide_run(client, *id, verb); });
            };
        });
    }
    auto id = std::make_shared<std::string>();
    auto out = std::make_shared<std::string>();
    auto* rescue
        = run->add_subcommand("rescue", "Save what a run has left of a state that could not be kept");
    rescue->footer("Example: slipway run rescue 01JDYZ3NDEKTSV4RRFFQ69G5FA --out rescue.slip");
    rescue->add_option("id", *id, "The run")->required();
    rescue->add_option("--out", *out, "A new file for the envelope; - for standard output")->required();
    rescue->callback([&work, id, out] {
        work = [=] { return with_client([&](ApiClient& client) { return save_rescue(client, *id, *out); }); };
    });
    auto* outputs = run->add_subcommand("outputs", "What an apply told of what it made, as JSON");
    outputs->footer(
        "Of sensitive ones it shows the names; slipway-launcher decrypt opens their envelope.\nExample:\n"
        "  slipway run outputs 01JDYZ3NDEKTSV4RRFFQ69G5FA --sealed-out outputs.slip\n"
        "  slipway-launcher decrypt outputs.slip --private-key-file spacelift.key --out -");
    auto sealed_out = std::make_shared<std::string>();
    outputs->add_option("id", *id, "The run")->required();
    outputs->add_option("--sealed-out", *sealed_out, "A new file for that envelope; - for standard output");
    outputs->callback([&work, id, sealed_out] {
        work = [=] {
            return with_client([&](ApiClient& client) { return show_outputs(client, *id, *sealed_out); });
        };
    });
    add_run_views(*run, work, json);
}

bool reader_is_gone()
{
    pollfd output{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
    return ::poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

} // namespace

Result<int> with_client(const std::function<Result<void>(ApiClient&)>& work)
{
    const Account account = SLIPWAY_TRY(load_account());
    auto client = SLIPWAY_TRY(ApiClient::create(account));
    SLIPWAY_TRY(work(client));
    return 0;
}

int run_command_line(int argc, const char* const* argv)
{
    CLI::App app{"slipway: steers a Slipway control plane from the command line"};
    app.require_subcommand(1);
    app.footer(
        "Begin with: slipway login --endpoint https://HOST:PORT --ca ca.pem --key-file admin.key\n\n"
        "Exit codes: 0 done; 1 failed, the cause is on standard error; 2 a followed run ended otherwise\n"
        "than well; over 100 wrong arguments; 141 whoever read the output went away.");
    bool json = false;
    Work work;
    LoginOptions options;
    auto* login_command = app.add_subcommand("login", "Remember a control plane and an API key");
    login_command->footer(
        "Example: slipway login --endpoint https://HOST:PORT --ca ca.pem --key-file admin.key");
    login_command->add_option("--endpoint", options.endpoint, "https://HOST:PORT of the control plane")
        ->required();
    login_command->add_option("--ca", options.ca_file, "Its ca.pem; left out: the system's authorities")
        ->check(CLI::ExistingFile);
    login_command->add_option(
        "--key-file", options.key_file, "File with the API key; left out: standard input");
    login_command->callback([&] {
        work = [&]() -> Result<int> {
            SLIPWAY_TRY(login(options));
            return 0;
        };
    });
    add_pools(app, work, json);
    add_stacks(app, work, json);
    add_tests(*add_modules(app, work, json), work);
    add_runs(app, work, json);
    add_tasks(app, work);
    CLI11_PARSE(app, argc, argv);

    const auto code = work();
    const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    if (!written && reader_is_gone())
        return kReaderGone;
    if (code && written)
        return *code;
    std::fprintf(stderr, "slipway: %s\n",
        code ? "standard output could not be written whole: is the disk full?"
             : printable(code.error().message()).c_str());
    return kFailed;
}

} // namespace slipway::cli
