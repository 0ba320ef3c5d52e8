#include "launcher/vela/substitute.h"

namespace slipway::vela {

namespace {

/// Rewrites texts where they lie. Places are named as the original names them.
class Walk {
public:
    explicit Walk(const Variables& variables)
        : variables_{variables}
    {
    }

    Result<void> text(std::string& text, const std::string& place) const
    {
        if (text.find_first_of("$\\") == std::string::npos)
            return {};
        auto expanded = substitute(text, variables_);
        if (!expanded)
            return std::move(expanded).error().in("container." + place);
        text = *std::move(expanded);
        return {};
    }

    Result<void> list(std::vector<std::string>& texts, const std::string& place) const
    {
        for (std::size_t i = 0; i < texts.size(); ++i)
            SLIPWAY_TRY(text(texts[i], place + "[" + std::to_string(i) + "]"));
        return {};
    }

    Result<void> rules(Rules& rules, const std::string& place) const;
    Result<void> parts(Container& container) const;

private:
    const Variables& variables_;
};

Result<void> Walk::rules(Rules& rules, const std::string& place) const
{
    SLIPWAY_TRY(list(rules.branch, place + ".Branch"));
    SLIPWAY_TRY(list(rules.comment, place + ".Comment"));
    SLIPWAY_TRY(list(rules.event, place + ".Event"));
    SLIPWAY_TRY(list(rules.path, place + ".Path"));
    SLIPWAY_TRY(list(rules.repo, place + ".Repo"));
    SLIPWAY_TRY(list(rules.sender, place + ".Sender"));
    SLIPWAY_TRY(list(rules.status, place + ".Status"));
    SLIPWAY_TRY(list(rules.tag, place + ".Tag"));
    SLIPWAY_TRY(list(rules.target, place + ".Target"));
    SLIPWAY_TRY(list(rules.label, place + ".Label"));
    SLIPWAY_TRY(list(rules.instance, place + ".Instance"));
    SLIPWAY_TRY(text(rules.eval, place + ".Eval"));
    SLIPWAY_TRY(text(rules.matcher, place + ".Matcher"));
    return text(rules.op, place + ".Operator");
}

Result<void> Walk::parts(Container& container) const
{
    for (std::size_t i = 0; i < container.secrets.size(); ++i) {
        const auto place = "Secrets[" + std::to_string(i) + "]";
        SLIPWAY_TRY(text(container.secrets[i].source, place + ".Source"));
        SLIPWAY_TRY(text(container.secrets[i].target, place + ".Target"));
    }
    for (std::size_t i = 0; i < container.ulimits.size(); ++i)
        SLIPWAY_TRY(text(container.ulimits[i].name, "Ulimits[" + std::to_string(i) + "].Name"));
    SLIPWAY_TRY(list(container.git.repositories, "Git.Token.Repositories"));
    for (auto& [name, access] : container.git.permissions)
        SLIPWAY_TRY(text(access, "Git.Token.Permissions[\"" + name + "\"]"));
    SLIPWAY_TRY(rules(container.ruleset.when, "Ruleset.If"));
    return rules(container.ruleset.unless, "Ruleset.Unless");
}

} // namespace

Result<void> substitute(Container& container)
{
    const Variables at_start = container.environment;
    const Walk walk{at_start};
    SLIPWAY_TRY(walk.text(container.id, "ID"));
    SLIPWAY_TRY(walk.list(container.commands, "Commands"));
    SLIPWAY_TRY(walk.text(container.directory, "Directory"));
    SLIPWAY_TRY(walk.list(container.entrypoint, "Entrypoint"));
    for (auto& [name, value] : container.environment)
        SLIPWAY_TRY(walk.text(value, "Environment[\"" + name + "\"]"));
    SLIPWAY_TRY(walk.text(container.image, "Image"));
    SLIPWAY_TRY(walk.text(container.name, "Name"));
    SLIPWAY_TRY(walk.list(container.needs, "Needs"));
    SLIPWAY_TRY(walk.list(container.networks, "Networks"));
    SLIPWAY_TRY(walk.list(container.ports, "Ports"));
    SLIPWAY_TRY(walk.text(container.pull, "Pull"));
    SLIPWAY_TRY(walk.list(container.artifact_paths, "Artifacts.Paths"));
    SLIPWAY_TRY(walk.text(container.user, "User"));
    SLIPWAY_TRY(walk.text(container.report_as, "ReportAs"));
    SLIPWAY_TRY(walk.text(container.id_request, "IDRequest"));
    return walk.parts(container);
}

} // namespace slipway::vela
