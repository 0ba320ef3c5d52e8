#include "launcher/options.h"
#include "launcher/suggestion.h"
#include "launcher/value_syntax.h"

#include <CLI/CLI.hpp>

namespace slipway::launcher {

namespace {

constexpr std::string_view kSeeHelp = "; see slipway-launcher --help";

Error unknown(std::string_view argument)
{
    const std::string shown{argument.substr(0, argument.find('='))};
    if (!shown.starts_with('-')) {
        const auto nearest
            = nearest_name(shown, std::vector<std::string_view>{"status", "why", "drain", "undrain", "stop"});
        return {Errc::invalid_input,
            in_quotes(shown) + " is neither a flag nor a command"
                + (nearest.empty() ? "" : "; did you mean " + std::string{nearest} + "?")
                + std::string{kSeeHelp}};
    }
    std::vector<std::string_view> known{
        "config", "help", "help-man", "help-markdown", "print-config", "version"};
    for (const auto& option : options())
        known.push_back(option.flag);
    const auto nearest
        = nearest_name(std::string_view{shown}.substr(shown.find_first_not_of('-') % shown.size()), known);
    return {Errc::invalid_input,
        shown + " is no flag of this version"
            + (nearest.empty() ? "" : "; did you mean --" + std::string{nearest} + "?")
            + std::string{kSeeHelp}};
}

} // namespace

Result<CommandLine> parse_command_line(int argc, const char* const* argv)
{
    CommandLine result;
    CLI::App app;
    app.set_help_flag();
    bool help = false;
    bool markdown = false;
    bool man = false;
    bool config = false;
    bool version = false;
    app.add_flag("-h,--help", help);
    app.add_flag("--help-markdown", markdown);
    app.add_flag("--help-man", man);
    app.add_flag("--print-config", config);
    app.add_flag("--version", version);
    CLI::App* const status = app.add_subcommand("status")->fallthrough();
    CLI::App* const why = app.add_subcommand("why")->fallthrough();
    CLI::App* const drain = app.add_subcommand("drain")->fallthrough();
    CLI::App* const undrain = app.add_subcommand("undrain")->fallthrough();
    CLI::App* const stop = app.add_subcommand("stop")->fallthrough();
    app.require_subcommand(0, 1);
    status->add_flag("--json", result.json);
    drain->add_flag("--wait", result.wait);
    drain->add_flag("--exit", result.exit);
    stop->add_option("job", result.job);
    for (auto* const one : {status, why, drain, undrain, stop})
        one->set_help_flag();
    const auto table = options();
    std::vector<std::vector<std::string>> texts(table.size());
    std::string file;
    CLI::Option* file_flag = nullptr;
    try {
        file_flag = app.add_option("--config", file);
        for (std::size_t i = 0; i < table.size(); ++i) {
            if (table[i].flag.empty())
                continue;
            auto* flag = app.add_option("--" + std::string{table[i].flag}, texts[i])->type_size(1);
            flag->multi_option_policy(table[i].times == Times::many ? CLI::MultiOptionPolicy::TakeAll
                                                                    : CLI::MultiOptionPolicy::Throw);
            flag->expected(1)->allow_extra_args(false); // a command's own word may follow
        }
        app.allow_extras();
        app.parse(argc, argv);
    } catch (const CLI::Error& error) {
        return Error{Errc::invalid_input, std::string{error.what()} + std::string{kSeeHelp}};
    }
    if (const auto surplus = app.remaining(); !surplus.empty())
        return unknown(surplus.front());
    if (file_flag->count() > 0)
        result.config_file = file;
    for (std::size_t i = 0; i < table.size(); ++i)
        for (auto& text : texts[i])
            result.values.emplace_back(&table[i], std::move(text));
    if (help)
        result.action = Action::print_help;
    else if (markdown)
        result.action = Action::print_markdown;
    else if (man)
        result.action = Action::print_man;
    else if (version)
        result.action = Action::print_version;
    else if (config)
        result.action = Action::print_config;
    else if (status->parsed())
        result.action = Action::status;
    else if (why->parsed())
        result.action = Action::why;
    else if (drain->parsed())
        result.action = Action::drain;
    else if (undrain->parsed())
        result.action = Action::undrain;
    else if (stop->parsed())
        result.action = Action::stop;
    if (result.action == Action::stop && result.job.empty())
        return Error{Errc::invalid_input,
            "stop needs the id of a stage or of its run; slipway-launcher status shows them"};
    return result;
}

} // namespace slipway::launcher
