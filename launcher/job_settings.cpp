#include "launcher/job_settings.h"

#include "launcher/git_source.h"

#include <algorithm>
#include <array>

namespace slipway::launcher {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using protocol::Assignment;

constexpr std::string_view kSession = "/dev/shm/.slipway-session";

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

void add_commands(std::vector<std::string>& to, const std::vector<std::string>& from)
{
    std::copy_if(
        from.begin(), from.end(), std::back_inserter(to), [](const auto& c) { return !is_blank(c); });
}

std::string_view state_of(const Assignment& assignment, const Unit& unit)
{
    if (unit.name == kPrepare || unit.name == "init")
        return "INITIALIZING";
    if (unit.name == "destroy")
        return "DESTROYING";
    if (unit.name == "plan")
        return "PLANNING";
    if (unit.name == "perform")
        return "PERFORMING";
    if (unit.name == "apply" || assignment.kind == protocol::StageKind::write)
        return "APPLYING";
    return "PLANNING";
}

std::string_view final_state(const Assignment& assignment, const StageEnd& end)
{
    if (end.outcome != protocol::Outcome::none && end.outcome != protocol::Outcome::succeeded)
        return end.cause == "stopped" ? "STOPPED" : "FAILED";
    return assignment.kind == protocol::StageKind::read && assignment.keep_workspace ? "UNCONFIRMED"
                                                                                     : "FINISHED";
}

bool seen_by(StageClass stages, const Assignment& assignment)
{
    switch (stages) {
    case StageClass::every:
        return true;
    case StageClass::read:
        return !applies(assignment);
    case StageClass::write:
        return applies(assignment);
    }
    return false;
}

void set(Pairs& to, const std::string& name, std::string value)
{
    const auto it = std::find_if(to.begin(), to.end(), [&](const auto& pair) { return pair.first == name; });
    if (it != to.end())
        it->second = std::move(value);
    else
        to.emplace_back(name, std::move(value));
}

/// The variable that switches a phase off, if it is set.
std::string_view skipped_by(const Assignment& assignment, std::string_view phase)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kSwitches{
        {{"plan", "SPACELIFT_SKIP_PLANNING"}, {"apply", "SPACELIFT_SKIP_APPLYING"},
            {"destroy", "SPACELIFT_SKIP_DESTROYING"}}};
    for (const auto& [name, variable] : kSwitches)
        for (const auto& set : assignment.variables)
            if (name == phase && set.name == variable && !set.sealed && set.value == "true")
                return variable;
    return {};
}

std::string upper(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(),
        [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return text;
}

} // namespace

std::string shell_quoted(std::string_view text)
{
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    }
    return out + "'";
}

bool applies(const Assignment& assignment) { return assignment.stage_name == "apply"; }

std::vector<Unit> units_of(const Assignment& assignment)
{
    std::vector<Unit> units;
    const bool fetches = fetches_sources(assignment);
    if (fetches)
        units.push_back({.name = std::string{kPrepare}, .commands = {prepare_command(assignment)}});
    for (const auto& phase : assignment.phases) {
        if (fetches && phase.name == kPrepare)
            continue; // for launchers that do not know git
        Unit unit{.name = phase.name, .always = phase.always};
        add_commands(unit.commands, phase.before);
        add_commands(unit.commands, phase.commands);
        add_commands(unit.commands, phase.after);
        if (unit.commands.empty())
            continue;
        if (const auto variable = skipped_by(assignment, phase.name); !variable.empty()) {
            unit.commands.clear();
            unit.note = ": skipped, since the stack sets " + std::string{variable};
        }
        units.push_back(std::move(unit));
    }
    Unit last{.name = "after_run", .after_run = true};
    add_commands(last.commands, assignment.after_run);
    if (!last.commands.empty())
        units.push_back(std::move(last));
    return units;
}

int next_unit(const std::vector<Unit>& units, int seq, bool failed)
{
    const auto ran = static_cast<std::size_t>(seq);
    const bool made_something = ran > 0 && units[ran - 1].name != kPrepare && units[ran - 1].name != "init";
    for (auto i = ran; i < units.size(); ++i)
        if (!failed || units[i].after_run || (units[i].always && made_something))
            return static_cast<int>(i) + 1;
    return 0;
}

std::string script_of(const Unit& unit, const Pairs& facts)
{
    std::string script = "{ true >" + std::string{kShellMark} + "; } 2>/dev/null\n";
    script += "[ ! -r " + std::string{kSession} + " ] || . " + std::string{kSession} + "\n";
    for (const auto& [name, value] : facts)
        script += "export " + name + "=" + shell_quoted(value) + "\n";
    script += "trap '{ (umask 077; unset PWD OLDPWD SHLVL; export -p >" + std::string{kSession}
        + "); } 2>/dev/null' EXIT\n";
    // A colon first: a command that is a comment alone is still a command to the shell.
    script += "{ :\n";
    std::string_view joint;
    for (const auto& command : unit.commands) {
        script += joint;
        script += command;
        joint = "\n} && { :\n";
    }
    return script + "\n}\n";
}

std::string head_of(const Unit& unit, bool debug)
{
    std::string head = "[slipway] " + unit.name + unit.note + "\n";
    if (debug)
        for (const auto& command : unit.commands)
            head += "[slipway] $ " + command + "\n";
    return head;
}

Result<std::string> directory_of(const Assignment& assignment)
{
    const std::filesystem::path root{assignment.project_root};
    const bool leaves = root.is_absolute()
        || std::any_of(root.begin(), root.end(), [](const auto& p) { return p == ".."; });
    if (leaves || assignment.project_root.find('\0') != std::string::npos)
        return Error{Errc::invalid_input,
            "the project root \"" + assignment.project_root + "\" is not a directory within the sources"};
    std::string directory = (std::filesystem::path{kSource} / root).lexically_normal().string();
    while (directory.ends_with('/'))
        directory.pop_back();
    return directory;
}

Pairs run_facts(const Assignment& assignment, const Unit& unit, const Progress& progress)
{
    Pairs facts{
        {"run_id", assignment.run_id},
        {"run_type", assignment.run_type},
        {"run_state", std::string{state_of(assignment, unit)}},
        {"stack_id", assignment.stack_id},
        {"project_root", assignment.project_root},
        {"workspace_root", std::string{kWorkspace}},
        {"local_preview", "false"},
    };
    if (unit.after_run)
        facts.emplace_back("final_run_state", final_state(assignment, progress.end));
    if (!assignment.git_url.empty())
        facts.emplace_back("repository", assignment.git_url);
    if (const auto& commit = assignment.git_commit.empty() ? progress.commit : assignment.git_commit;
        !commit.empty())
        facts.emplace_back("commit_sha", commit);
    Pairs named;
    for (const auto& [name, value] : facts) {
        named.emplace_back("TF_VAR_spacelift_" + name, value);
        named.emplace_back("SPACELIFT_" + upper(name), value);
    }
    return named;
}

Result<Pairs> environment_of(const Assignment& assignment, const std::vector<PassedVariable>& passed,
    const Pairs& facts, const OpenValue& open)
{
    Pairs environment;
    for (const auto& variable : passed)
        if (seen_by(variable.stages, assignment))
            set(environment, variable.name, variable.value);
    for (const auto& variable : assignment.variables) {
        if (!variable.sealed) {
            set(environment, variable.name, variable.value);
            continue;
        }
        const Secret value = SLIPWAY_TRY(in("opening the variable " + variable.name, open(variable)));
        set(environment, variable.name, std::string{value.reveal()});
    }
    for (const auto& [name, value] : facts)
        set(environment, name, value);
    return environment;
}

} // namespace slipway::launcher
