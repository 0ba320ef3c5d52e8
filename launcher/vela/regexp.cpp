#include "launcher/vela/regexp.h"

#include <re2/re2.h>

#include <string>

namespace slipway::vela {

Result<Matches> search_regexp(std::string_view pattern, std::string_view text)
{
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(std::int64_t{1024} * 1024);
    const re2::StringPiece source{pattern.data(), pattern.size()};
    const RE2 compiled{source, options};
    if (!compiled.ok())
        return Error{
            Errc::invalid_input, "regular expression \"" + std::string{pattern} + "\": " + compiled.error()};
    return RE2::PartialMatch(re2::StringPiece{text.data(), text.size()}, compiled) ? Matches::yes
                                                                                   : Matches::no;
}

} // namespace slipway::vela
