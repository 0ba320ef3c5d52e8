#include "mothership/cli/command_line.h"

#include "mothership/cli/commands.h"
#include "mothership/cli/login.h"
#include "mothership/cli/table.h"

#include <CLI/CLI.hpp>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <functional>
#include <utility>

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

/// An option may be given several times, with one value each: it does not swallow the words after it.
void add_several(
    CLI::App& app, const std::string& name, std::vector<std::string>& values, const std::string& help)
{
    app.add_option(name, values, help + "; several: once for each")->allow_extra_args(false);
}

std::shared_ptr<StackOptions> add_stack_options(CLI::App& app)
{
    auto options = std::make_shared<StackOptions>();
    app.add_option("name", options->name, "Name of the stack")->required();
    app.add_option("--image", options->image, "Runner image; the launcher's default if none is given");
    add_several(app, "--init", options->init, "Command of the init phase");
    add_several(app, "--plan", options->plan, "Command of the plan phase");
    add_several(app, "--apply", options->apply, "Command of the apply phase");
    add_several(app, "--env", options->environment, "NAME=VALUE for every stage");
    app.add_option("--project-root", options->project_root, "Directory of the sources in which commands run");
    app.add_flag_callback(
        "--autodeploy", [options] { options->autodeploy = true; }, "Apply without a confirmation");
    app.add_flag_callback(
        "--no-autodeploy", [options] { options->autodeploy = false; }, "Wait for a confirmation");
    return options;
}

void add_stack_spec(CLI::App& stack, Work& work)
{
    auto* create = stack.add_subcommand("create", "Make a stack");
    const auto options = add_stack_options(*create);
    create->add_option("--pool", options->pool, "Pool that runs it (name or id); nothing runs without one");
    create->get_option("--plan")->required();
    create->get_option("--apply")->required();
    create->footer("Example:\n"
                   "  slipway stack create web --pool demo --image registry/tofu:1.8 --init 'tofu init' \\\n"
                   "    --plan 'tofu plan -out=../plan' --apply 'tofu apply ../plan'");
    create->callback([&work, options] {
        work = [options] {
            return with_client([&](ApiClient& client) { return create_stack(client, *options); });
        };
    });
    auto* set = stack.add_subcommand("set", "Change a stack; what is not given stays");
    const auto changes = add_stack_options(*set);
    set->footer(
        "A phase that is given replaces all its commands; variables are added or replaced.\nExample:\n"
        "  slipway stack set web --plan 'tofu plan -out=../plan' --no-autodeploy");
    set->callback([&work, changes] {
        work = [changes] {
            return with_client([&](ApiClient& client) { return set_stack(client, *changes); });
        };
    });
}

void add_stacks(CLI::App& app, Work& work, bool& json)
{
    auto* stack
        = app.add_subcommand("stack", "Stacks: sources, runner image and commands")->require_subcommand(1);
    add_stack_spec(*stack, work);
    auto name = std::make_shared<std::string>();
    auto value = std::make_shared<std::string>();
    auto* attach = stack->add_subcommand("attach", "Choose the pool that runs a stack");
    attach->footer("Example: slipway stack attach web --pool demo");
    attach->add_option("name", *name, "The stack")->required();
    attach->add_option("--pool", *value, "The pool (name or id)")->required();
    attach->callback([&work, name, value] {
        work = [=] {
            return with_client([&](ApiClient& client) { return attach_stack(client, *name, *value); });
        };
    });
    auto* push = stack->add_subcommand("push", "Upload a directory as the sources of a stack");
    push->footer("Example: slipway stack push web .");
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
    list->footer("Example: slipway stack list --json");
    list->add_flag("--json", json, "Print the server's answer");
    list->callback([&work, &json] {
        work = [&json] { return with_client([&](ApiClient& client) { return list_stacks(client, json); }); };
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

void add_runs(CLI::App& app, Work& work, bool& json)
{
    auto* run = app.add_subcommand("run", "Runs")->require_subcommand(1);
    auto stack = std::make_shared<std::string>();
    auto type = std::make_shared<std::string>("TRACKED");
    auto following = std::make_shared<bool>(false);
    auto quiet = std::make_shared<bool>(false);
    auto* start = run->add_subcommand("start", "Start a run of a stack");
    start->footer("Example: slipway run start -f web");
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
            std::printf(*quiet ? "%s\n" : "run %s\n", printable(id).c_str());
            std::fflush(stdout);
            return *following ? follow({.run = id, .offset = 0, .follow = true}) : Result<int>{0};
        };
    });
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
    add_run_views(*run, work, json);
}

bool reader_is_gone()
{
    pollfd output{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
    return ::poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

} // namespace

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
    add_runs(app, work, json);
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
