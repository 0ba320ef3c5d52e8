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
    std::vector<std::string> texts(kOptions.size());
    std::vector<CLI::Option*> flags(kOptions.size());
    try {
        for (std::size_t i = 0; i < kOptions.size(); ++i)
            if (!kOptions[i].flag.empty())
                flags[i] = app.add_option("--" + std::string{kOptions[i].flag}, texts[i]);
        app.parse(argc, argv);
    } catch (const CLI::Error& error) {
        return Error{Errc::invalid_input, std::string{error.what()} + "; see slipway-launcher --help"};
    }
    for (std::size_t i = 0; i < kOptions.size(); ++i)
        if (flags[i] != nullptr && flags[i]->count() > 0)
            result.values.emplace_back(&kOptions[i], texts[i]);
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
