#include "mothership/cli/command_tree.h"
#include "mothership/cli/commands.h"

#include <algorithm>
#include <array>
#include <memory>

namespace slipway::cli {

namespace {

constexpr std::array<const char*, 11> kHooks{"before_init", "after_init", "before_plan", "after_plan",
    "before_apply", "after_apply", "before_destroy", "after_destroy", "before_perform", "after_perform",
    "after_run"};

/// An option may be given several times, with one value each: it does not swallow the words after it.
void add_several(
    CLI::App& app, const std::string& name, std::vector<std::string>& values, const std::string& help)
{
    app.add_option(name, values, help + "; several: once for each")->allow_extra_args(false);
}

std::shared_ptr<StackOptions> add_stack_options(CLI::App& app, const std::string& kind)
{
    auto options = std::make_shared<StackOptions>();
    options->kind = kind;
    app.add_option("name", options->name, "Name of the " + kind)->required();
    app.add_option("--image", options->image, "Runner image; the launcher's default if none is given");
    add_several(app, "--init", options->init, "Command of the init phase");
    add_several(app, "--plan", options->plan, "Command of the plan phase");
    add_several(app, "--apply", options->apply, "Command of the apply phase");
    add_several(app, "--destroy", options->destroy, "Command of the destroy phase");
    for (const auto* hook : kHooks) {
        std::string name{hook};
        std::replace(name.begin(), name.end(), '_', '-');
        add_several(app, "--" + name, options->hooks[hook], "Hook: " + name);
    }
    add_several(app, "--env", options->environment, "NAME=VALUE for every stage");
    add_several(app, "--secret-env", options->secrets,
        "NAME=@FILE, or NAME to type it or hand it over on standard input: sealed to the pool here, masked "
        "in logs");
    app.add_option("--pool-key", options->pool_key,
           "PEM file with the pool's public key or certificate, in place of the control plane's word")
        ->check(CLI::ExistingFile);
    app.add_option("--workflow", options->workflow, "custom (default), opentofu, terraform or ansible");
    app.add_option_function<std::string>(
        "--git", [options](const std::string& url) { options->git = url; },
        "URL of a repository that jobs fetch the sources from, instead of slipway " + kind
            + " push; '' takes it away");
    app.add_option_function<std::string>(
        "--ref", [options](const std::string& ref) { options->ref = ref; },
        "Branch, tag or whole commit of it; its HEAD if none is given");
    app.add_option(
        "--project-root,--path", options->project_root, "Directory of the sources in which commands run");
    return options;
}

/// What only a stack may say: a module's tests keep nothing and ask nobody.
void add_flags_of_stacks(CLI::App& app, const std::shared_ptr<StackOptions>& options)
{
    app.add_flag_callback(
        "--manage-state", [options] { options->manage_state = true; },
        "Keep the state file, sealed, in versions");
    app.add_flag_callback(
        "--no-manage-state", [options] { options->manage_state = false; }, "Leave the state to the stack");
    app.add_flag_callback(
        "--autodeploy", [options] { options->autodeploy = true; }, "Apply without a confirmation");
    app.add_flag_callback(
        "--no-autodeploy", [options] { options->autodeploy = false; }, "Wait for a confirmation");
}

void add_create(CLI::App& parent, Work& work, const std::string& kind)
{
    const bool module = kind == "module";
    auto* create = parent.add_subcommand("create", "Make a " + kind);
    const auto options = add_stack_options(*create, kind);
    create->add_option("--pool", options->pool, "Pool that runs it (name or id); nothing runs without one");
    create->get_option("--plan")->required();
    if (module) {
        create->footer("A test runs init, plan, apply and, whatever came of those, destroy.\nExample:\n"
                       "  slipway module create vpc --pool demo --image registry/tofu:1.8 --git "
                       "https://git.example.com/vpc \\\n"
                       "    --path examples/small --init 'tofu init' --plan 'tofu plan' \\\n"
                       "    --apply 'tofu apply -auto-approve' --destroy 'tofu destroy -auto-approve'");
    } else {
        add_flags_of_stacks(*create, options);
        create->get_option("--apply")->required();
        create->footer(
            "Example:\n"
            "  slipway stack create web --pool demo --image registry/tofu:1.8 --init 'tofu init' \\\n"
            "    --plan 'tofu plan -out=../plan' --apply 'tofu apply ../plan'");
    }
    create->callback([&work, options] {
        work = [options] {
            return with_client([&](ApiClient& client) { return create_stack(client, *options); });
        };
    });
}

void add_set(CLI::App& parent, Work& work, const std::string& kind)
{
    auto* set = parent.add_subcommand("set", "Change a " + kind + "; what is not given stays");
    const auto changes = add_stack_options(*set, kind);
    if (kind != "module")
        add_flags_of_stacks(*set, changes);
    add_several(*set, "--unset-env", changes->unset, "Take a variable away");
    set->footer("A phase or hook that is given replaces all its commands, and '' takes it away; variables "
                "are added or\nreplaced.\nExample:\n  slipway "
        + kind + " set web --plan 'tofu plan -out=../plan'");
    set->callback([&work, changes] {
        work = [changes] {
            return with_client([&](ApiClient& client) { return set_stack(client, *changes); });
        };
    });
}

void add_stack_files(CLI::App& stack, Work& work)
{
    auto* file
        = stack.add_subcommand("file", "Files that jobs find in their workspace")->require_subcommand(1);
    auto options = std::make_shared<StackFileOptions>();
    auto* set = file->add_subcommand("set", "Add or replace a file, of at most 2 MiB");
    set->footer("Example: slipway stack file set web keys/deploy ./id_ed25519 --secret");
    set->add_option("stack", options->stack, "The stack")->required();
    set->add_option("path", options->path, "Where jobs find it: relative to /mnt/workspace")->required();
    set->add_option("file", options->file, "The file; - for standard input")->required();
    set->add_flag("--secret", options->secret, "Seal it to the pool here, so that only workers can read it");
    set->add_option("--mode", options->mode, "Octal; 644 if nothing is given, 600 for a secret");
    set->add_option("--pool-key", options->pool_key, "As for slipway stack set")->check(CLI::ExistingFile);
    set->callback([&work, options] {
        work = [options] {
            return with_client([&](ApiClient& client) { return set_stack_file(client, *options); });
        };
    });
    auto name = std::make_shared<std::string>();
    auto path = std::make_shared<std::string>();
    auto* remove = file->add_subcommand("remove", "Take a file away");
    remove->footer("Example: slipway stack file remove web keys/deploy");
    remove->add_option("stack", *name, "The stack")->required();
    remove->add_option("path", *path, "The file")->required();
    remove->callback([&work, name, path] {
        work = [=] {
            return with_client([&](ApiClient& client) { return remove_stack_file(client, *name, *path); });
        };
    });
    auto* list = file->add_subcommand("list", "The files of a stack");
    list->footer("Example: slipway stack file list web");
    list->add_option("stack", *name, "The stack")->required();
    list->callback([&work, name] {
        work
            = [=] { return with_client([&](ApiClient& client) { return list_stack_files(client, *name); }); };
    });
}

void add_states(CLI::App& stack, Work& work, bool& json)
{
    auto* state = stack.add_subcommand("state", "Versions of a stack's state file")->require_subcommand(1);
    auto name = std::make_shared<std::string>();
    auto* list = state->add_subcommand("list", "All versions, newest first");
    list->footer("Example: slipway stack state list web");
    list->add_option("stack", *name, "The stack")->required();
    list->add_flag("--json", json, "Print the server's answer");
    list->callback([&work, &json, name] {
        work = [&json, name] {
            return with_client([&](ApiClient& client) { return list_states(client, *name, json); });
        };
    });
    auto options = std::make_shared<StatePullOptions>();
    auto* pull = state->add_subcommand("pull", "Open a version with the pool's key, on this machine");
    pull->footer(
        "Example: slipway stack state pull web --private-key-file spacelift.key --out terraform.tfstate");
    pull->add_option("stack", options->stack, "The stack")->required();
    pull->add_option("--version", options->version, "The newest if none is given");
    pull->add_option("--private-key-file", options->key_files, "The pool's key; several: once for each")
        ->required()
        ->allow_extra_args(false);
    pull->add_option("--out", options->out, "A new file; - for standard output")->capture_default_str();
    pull->callback([&work, options] {
        work = [options] {
            return with_client([&](ApiClient& client) { return pull_state(client, *options); });
        };
    });
    auto version = std::make_shared<std::int64_t>(0);
    auto* rollback = state->add_subcommand("rollback", "Make an older version the newest one again");
    rollback->footer("Example: slipway stack state rollback web 3");
    rollback->add_option("stack", *name, "The stack")->required();
    rollback->add_option("version", *version, "The version")->required();
    rollback->callback([&work, name, version] {
        work = [=] {
            return with_client([&](ApiClient& client) { return roll_back_state(client, *name, *version); });
        };
    });
}

/// Pool, sources, and the list.
void add_way(CLI::App& parent, Work& work, bool& json, const std::string& kind)
{
    auto name = std::make_shared<std::string>();
    auto value = std::make_shared<std::string>();
    auto* attach = parent.add_subcommand("attach", "Choose the pool that runs a " + kind);
    attach->footer("Example: slipway " + kind + " attach web --pool demo");
    attach->add_option("name", *name, "The " + kind)->required();
    attach->add_option("--pool", *value, "The pool (name or id)")->required();
    attach->callback([&work, name, value] {
        work = [=] {
            return with_client([&](ApiClient& client) { return attach_stack(client, *name, *value); });
        };
    });
    auto* push = parent.add_subcommand("push", "Upload a directory as the sources of a " + kind);
    push->footer("Example: slipway " + kind + " push web .");
    push->add_option("name", *name, "The " + kind)->required();
    push->add_option("directory", *value, "What to upload; .git and .terraform are left out")
        ->required()
        ->check(CLI::ExistingDirectory);
    push->callback([&work, name, value] {
        work = [=] {
            return with_client([&](ApiClient& client) { return push_stack(client, *name, *value); });
        };
    });
    auto* list = parent.add_subcommand("list", "All " + kind + "s");
    list->footer("Example: slipway " + kind + " list --json");
    list->add_flag("--json", json, "Print the server's answer");
    list->callback([&work, &json, kind] {
        work = [&json, kind] {
            return with_client([&](ApiClient& client) { return list_stacks(client, kind, json); });
        };
    });
}

} // namespace

void add_stacks(CLI::App& app, Work& work, bool& json)
{
    auto* stack
        = app.add_subcommand("stack", "Stacks: sources, runner image and commands")->require_subcommand(1);
    add_create(*stack, work, "stack");
    add_set(*stack, work, "stack");
    add_stack_files(*stack, work);
    add_states(*stack, work, json);
    add_way(*stack, work, json, "stack");
}

CLI::App* add_modules(CLI::App& app, Work& work, bool& json)
{
    auto* module = app.add_subcommand("module", "Modules: stacks that are tested and nothing else")
                       ->require_subcommand(1);
    add_create(*module, work, "module");
    add_set(*module, work, "module");
    add_way(*module, work, json, "module");
    return module;
}

} // namespace slipway::cli
