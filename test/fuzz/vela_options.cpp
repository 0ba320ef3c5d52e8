// Values of a Vela worker's settings, from a variable, a flag, a file and ".env". The first byte chooses the
// setting, the second one the way. What is read keeps the promises that the rest of the worker builds on.
#include "launcher/vela/dotenv.h"
#include "launcher/vela/option_rows.h"
#include "launcher/vela/options.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace slipway;
using namespace slipway::vela;

void require(bool truth)
{
    if (!truth)
        std::abort();
}

void look_at(const Options& options)
{
    require(!options.hostname.empty() && options.port > 0 && !options.worker_address.ends_with('/'));
    require(options.hostname.find_first_of("/?#@[]") == std::string::npos);
    require(options.build_limit > 0 && options.build_timeout.count() > 0 && options.check_in.count() > 0);
    require(options.pop_timeout.count() > 0 && options.log_streaming_timeout.count() >= 0);
    require(options.queue_driver == "redis" && !options.server_address.empty());
    require(!options.queue_routes.empty());
    require(std::ranges::none_of(options.queue_routes, &std::string::empty));
    for (const auto& volume : options.volumes)
        require(volume.source.starts_with('/') && volume.target.starts_with('/'));
    require(options.state_directory.is_absolute());
}

Sources sources_of(const OptionRow& row, char way, const std::string& text)
{
    Sources sources{.arguments = {},
        .variables = {{"VELA_SERVER_ADDR", "http://v.test"}, {"VELA_QUEUE_DRIVER", "redis"}},
        .read_file = {},
        .os_hostname = "machine"};
    const std::string file{row.file};
    std::erase_if(sources.variables, [&row](const auto& variable) {
        return std::ranges::find(row.variables, variable.first) != row.variables.end();
    });
    if (way == 'v')
        sources.variables.emplace_back(row.variables.front(), text);
    else if (way == 'f')
        sources.arguments = {"--" + std::string{row.flag}, text};
    else
        sources.read_file = [text, file, way](const std::string& path) {
            const bool asked = path == (way == 'e' ? ".env" : file);
            return asked ? std::optional{text} : std::nullopt;
        };
    return sources;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    const std::string text{reinterpret_cast<const char*>(data) + 2, size - 2};
    const auto& row = rows()[data[0] % rows().size()];
    const auto sources = sources_of(row, static_cast<char>(data[1]), text);
    (void)selected(sources);
    const auto read = read_options(sources);
    if (read)
        look_at(read->options);
    else
        require(read.error().code() == Errc::invalid_input && !read.error().message().empty());
    return 0;
}
