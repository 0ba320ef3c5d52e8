#include "launcher/options.h"

#include <CLI/CLI.hpp>

namespace slipway::launcher {

Result<CommandLine> parse_command_line(int argc, const char* const* argv)
{
    CommandLine result;
    CLI::App app;
    app.set_help_flag();
    bool help = false;
    bool markdown = false;
    bool config = false;
    bool version = false;
    app.add_flag("-h,--help", help);
    app.add_flag("--help-markdown", markdown);
    app.add_flag("--print-config", config);
    app.add_flag("--version", version);
    const auto table = options();
    std::vector<std::vector<std::string>> texts(table.size());
    try {
        for (std::size_t i = 0; i < table.size(); ++i) {
            if (table[i].flag.empty())
                continue;
            auto* flag = app.add_option("--" + std::string{table[i].flag}, texts[i])->type_size(1);
            flag->multi_option_policy(table[i].times == Times::many ? CLI::MultiOptionPolicy::TakeAll
                                                                    : CLI::MultiOptionPolicy::Throw);
            flag->expected(1);
        }
        app.parse(argc, argv);
    } catch (const CLI::Error& error) {
        return Error{Errc::invalid_input, std::string{error.what()} + "; see slipway-launcher --help"};
    }
    for (std::size_t i = 0; i < table.size(); ++i)
        for (auto& text : texts[i])
            result.values.emplace_back(&table[i], std::move(text));
    if (help)
        result.action = Action::print_help;
    else if (markdown)
        result.action = Action::print_markdown;
    else if (version)
        result.action = Action::print_version;
    else if (config)
        result.action = Action::print_config;
    return result;
}

} // namespace slipway::launcher
