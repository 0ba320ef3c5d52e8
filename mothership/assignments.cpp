#include "mothership/stages.h"

namespace slipway::mothership {

namespace {

std::vector<std::string> commands(
    const std::map<std::string, std::vector<std::string>>& all, const std::string& name)
{
    const auto found = all.find(name);
    return found == all.end() ? std::vector<std::string>{} : found->second;
}

void add_phase(protocol::Assignment& assignment, const StackSpec& spec, const std::string& name)
{
    protocol::Phase phase{.name = name,
        .before = commands(spec.hooks, "before_" + name),
        .commands = commands(spec.phases, name),
        .after = commands(spec.hooks, "after_" + name)};
    if (!phase.before.empty() || !phase.commands.empty() || !phase.after.empty())
        assignment.phases.push_back(std::move(phase));
}

/// The launcher makes the phase itself. One that does not know git must not go on in an empty directory.
void add_git(protocol::Assignment& assignment, const Run& run)
{
    if (run.spec.git_url.empty())
        return;
    assignment.git_url = run.spec.git_url;
    assignment.git_ref = run.spec.git_ref;
    assignment.git_commit = run.commit;
    assignment.phases.push_back({.name = "prepare",
        .before = {},
        .commands = {"echo 'this launcher cannot fetch sources from git: update it'; exit 1"},
        .after = {}});
}

/// Plans, applies, and whatever came of that, destroys.
void add_test(protocol::Assignment& assignment, const StackSpec& spec)
{
    add_phase(assignment, spec, "plan");
    add_phase(assignment, spec, "apply");
    const auto before = assignment.phases.size();
    add_phase(assignment, spec, "destroy");
    if (assignment.phases.size() > before)
        assignment.phases.back().always = true;
}

Result<void> carry_workspace(Transaction& records, const Stage& stage, protocol::Assignment& assignment)
{
    for (const auto& earlier : SLIPWAY_TRY(records.stages_of_run(stage.run_id))) {
        if (earlier.ordinal + 1 != stage.ordinal)
            continue;
        assignment.image_id = earlier.image_id;
        assignment.workspace_in = earlier.workspace;
        assignment.workspace_fence = earlier.core.fence;
        assignment.workspace_maker = earlier.id;
    }
    return {};
}

Result<void> add_state(Transaction& records, const Run& run, protocol::Assignment& assignment)
{
    if (!run.spec.manage_state)
        return {};
    const auto state = SLIPWAY_TRY(records.state(run.stack_id, 0));
    if (!state)
        return {};
    assignment.state_in = std::string{kStateBlobPrefix} + std::to_string(state->version);
    assignment.state_fence = state->fence;
    assignment.state_maker = state->stage_id;
    return {};
}

} // namespace

std::string file_blob_name(const StackFile& file) { return "file-" + std::to_string(file.version); }

std::string source_blob_name(const Run& run)
{
    return run.source_version == 0 ? std::string{} : "source-" + std::to_string(run.source_version) + ".tar";
}

Result<protocol::Assignment> assignment_of(Transaction& records, const Stage& stage)
{
    const auto run = SLIPWAY_TRY(records.run(stage.run_id));
    if (!run)
        return Error{Errc::internal, "stage " + stage.id + " belongs to no run"};
    const bool reads = stage.core.kind == protocol::StageKind::read;
    protocol::Assignment assignment;
    assignment.stage_id = stage.id;
    assignment.run_id = run->id;
    assignment.stack_id = run->stack_id;
    assignment.pool_id = stage.pool_id;
    assignment.stage_name = stage.name;
    assignment.run_type = to_string(run->type);
    assignment.kind = stage.core.kind;
    assignment.fence = stage.core.fence;
    assignment.safety
        = run->type == RunType::proposed ? protocol::SafetyClass::proposed : protocol::SafetyClass::trusted;
    assignment.image = run->spec.runner_image;
    if (stage.ordinal == 0) {
        add_git(assignment, *run);
        add_phase(assignment, run->spec, "init");
        assignment.source_blob = source_blob_name(*run);
        SLIPWAY_TRY(add_state(records, *run, assignment));
    } else {
        assignment.git_url = run->spec.git_url;
        assignment.git_ref = run->spec.git_ref;
        assignment.git_commit = run->commit;
        SLIPWAY_TRY(carry_workspace(records, stage, assignment));
    }
    if (run->type == RunType::testing)
        add_test(assignment, run->spec);
    else
        add_phase(assignment, run->spec, stage.name);
    assignment.keep_workspace = reads && run->type != RunType::proposed && run->spec.phases.contains("apply");
    assignment.workflow = run->spec.workflow;
    assignment.manage_state = run->spec.manage_state;
    assignment.after_run = commands(run->spec.hooks, "after_run");
    for (const auto& [name, value] : run->spec.environment)
        assignment.variables.push_back({.name = name, .value = value});
    for (const auto& [name, value] : run->spec.sealed_environment)
        assignment.variables.push_back({.name = name, .value = value, .sealed = true, .secret = true});
    for (const auto& file : run->spec.files)
        assignment.files.push_back({.path = file.path,
            .content = {},
            .blob = file_blob_name(file),
            .sealed = file.sealed,
            .mode = file.mode});
    assignment.project_root = run->spec.project_root;
    return assignment;
}

} // namespace slipway::mothership
