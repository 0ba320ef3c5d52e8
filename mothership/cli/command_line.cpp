#include "mothership/cli/command_line.h"

#include "mothership/cli/commands.h"
#include "mothership/cli/login.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>

namespace slipway::cli {

namespace {

/// What the chosen command does; returns the exit code.
using Work = std::function<Result<int>()>;

Result<int> with_client(const std::function<Result<void>(ApiClient&)>& work)
{
    const Account account = SLIPWAY_TRY(load_account());
    auto client = SLIPWAY_TRY(ApiClient::create(account));
    SLIPWAY_TRY(work(client));
    return 0;
}

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
                   "  openssl req -new -newkey rsa:4096 -nodes -keyout spacelift.key -out spacelift.csr");
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
    list->add_flag("--json", json, "Print the server's answer");
    list->callback([&work, &json] {
        work = [&json] { return with_client([&](ApiClient& client) { return list_pools(client, json); }); };
    });

    auto* worker = app.add_subcommand("worker", "Workers")->require_subcommand(1);
    auto* workers = worker->add_subcommand("list", "Registered workers");
    auto name = std::make_shared<std::string>();
    workers->add_option("--pool", *name, "Only this pool (name or id)");
    workers->add_flag("--json", json, "Print the server's answer");
    workers->callback([&work, &json, name] {
        work = [&json, name] {
            return with_client([&](ApiClient& client) { return list_workers(client, *name, json); });
        };
    });
}

void add_stacks(CLI::App& app, Work& work, bool& json)
{
    auto* stack
        = app.add_subcommand("stack", "Stacks: sources, runner image and commands")->require_subcommand(1);
    auto* create = stack->add_subcommand("create", "Make a stack");
    auto options = std::make_shared<StackCreateOptions>();
    create->add_option("name", options->name, "Name of the stack")->required();
    create->add_option("--image", options->image, "Runner image; the launcher's default if none is given");
    create->add_option("--pool", options->pool, "Pool that runs it (name or id); nothing runs without one");
    create->add_option("--init", options->init, "Command of the init phase; several: once for each");
    create->add_option("--plan", options->plan, "Command of the plan phase")->required();
    create->add_option("--apply", options->apply, "Command of the apply phase")->required();
    create->add_option("--env", options->environment, "NAME=VALUE for every stage");
    create->add_option(
        "--project-root", options->project_root, "Directory of the sources in which commands run");
    create->add_flag("--autodeploy", options->autodeploy, "Apply without a confirmation");
    create->callback([&work, options] {
        work = [options] {
            return with_client([&](ApiClient& client) { return create_stack(client, *options); });
        };
    });
    auto name = std::make_shared<std::string>();
    auto value = std::make_shared<std::string>();
    auto* attach = stack->add_subcommand("attach", "Choose the pool that runs a stack");
    attach->add_option("name", *name, "The stack")->required();
    attach->add_option("--pool", *value, "The pool (name or id)")->required();
    attach->callback([&work, name, value] {
        work = [=] {
            return with_client([&](ApiClient& client) { return attach_stack(client, *name, *value); });
        };
    });
    auto* push = stack->add_subcommand("push", "Upload a directory as the sources of a stack");
    push->add_option("name", *name, "The stack")->required();
    push->add_option("directory", *value, "What to upload; .git and .terraform are left out")
        ->required()
        ->check(CLI::ExistingDirectory);
    push->callback([&work, name, value] {
        work = [=] {
            return with_client([&](ApiClient& client) { return push_stack(client, *name, *value); });
        };
    });
    auto* list = stack->add_subcommand("list", "All stacks");
    list->add_flag("--json", json, "Print the server's answer");
    list->callback([&work, &json] {
        work = [&json] { return with_client([&](ApiClient& client) { return list_stacks(client, json); }); };
    });
}

void add_run_views(CLI::App& run, Work& work, bool& json)
{
    auto id = std::make_shared<std::string>();
    auto* list = run.add_subcommand("list", "Newest runs");
    list->add_option("--stack", *id, "Only this stack");
    list->add_flag("--json", json, "Print the server's answer");
    list->callback([&work, &json, id] {
        work = [&json, id] {
            return with_client([&](ApiClient& client) { return list_runs(client, *id, json); });
        };
    });
    auto* show = run.add_subcommand("show", "State, stages and timeline of a run, and what it waits for");
    show->add_option("id", *id, "The run")->required();
    show->add_flag("--json", json, "Print the server's answer");
    show->callback([&work, &json, id] {
        work = [&json, id] {
            return with_client([&](ApiClient& client) { return show_run(client, *id, json); });
        };
    });
    auto options = std::make_shared<LogOptions>();
    auto* logs = run.add_subcommand("logs", "The log of a run, byte for byte");
    logs->add_option("id", options->run, "The run")->required();
    logs->add_flag(
        "-f,--follow", options->follow, "Until the run ends or waits for a person; exits 2 if it failed");
    logs->add_option("--offset", options->offset, "First byte");
    logs->callback([&work, options] { work = [options] { return follow(*options); }; });
}

void add_runs(CLI::App& app, Work& work, bool& json)
{
    auto* run = app.add_subcommand("run", "Runs")->require_subcommand(1);
    auto stack = std::make_shared<std::string>();
    auto type = std::make_shared<std::string>("TRACKED");
    auto following = std::make_shared<bool>(false);
    auto quiet = std::make_shared<bool>(false);
    auto* start = run->add_subcommand("start", "Start a run of a stack");
    start->add_option("stack", *stack, "The stack")->required();
    start->add_option("--type", *type, "TRACKED or PROPOSED (plans only)")->capture_default_str();
    start->add_flag("-f,--follow", *following, "Show the log until it ends or waits for a person");
    start->add_flag("-q,--quiet", *quiet, "Print the id alone");
    start->callback([=, &work] {
        work = [=]() -> Result<int> {
            std::string id;
            const auto started = with_client([&](ApiClient& client) -> Result<void> {
                id = SLIPWAY_TRY(start_run(client, *stack, *type));
                return {};
            });
            if (!started)
                return started.error();
            std::printf(*quiet ? "%s\n" : "run %s\n", id.c_str());
            std::fflush(stdout);
            return *following ? follow({.run = id, .offset = 0, .follow = true}) : Result<int>{0};
        };
    });
    for (const char* verb : {"confirm", "discard", "stop"}) {
        auto id = std::make_shared<std::string>();
        auto* decide = run->add_subcommand(verb, std::string{verb} + " a run");
        decide->add_option("id", *id, "The run")->required();
        decide->callback([=, &work] {
            work = [=] {
                return with_client([&](ApiClient& client) { return decide_run(client, *id, verb); });
            };
        });
    }
    add_run_views(*run, work, json);
}

} // namespace

int run_command_line(int argc, const char* const* argv)
{
    CLI::App app{"slipway: steers a Slipway control plane from the command line"};
    app.require_subcommand(1);
    app.footer("Begin with: slipway login --endpoint https://HOST:PORT --ca ca.pem --key-file admin.key");
    bool json = false;
    Work work;
    LoginOptions options;
    auto* login_command = app.add_subcommand("login", "Remember a control plane and an API key");
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
    add_runs(app, work, json);
    CLI11_PARSE(app, argc, argv);

    const auto code = work();
    if (code)
        return *code;
    std::fprintf(stderr, "slipway: %s\n", code.error().message().c_str());
    return kFailed;
}

} // namespace slipway::cli
