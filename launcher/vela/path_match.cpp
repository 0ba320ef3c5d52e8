#include "launcher/vela/path_match.h"

#include "launcher/registry/image_reference.h"
#include "launcher/vela/glob.h"

namespace slipway::vela {

namespace {

/// As `docker images` shows it: without what Docker adds.
std::string familiar(const launcher::ImageReference& image)
{
    constexpr std::string_view kLibrary = "library/";
    if (image.registry != "docker.io")
        return image.place();
    return image.repository.starts_with(kLibrary) ? image.repository.substr(kLibrary.size())
                                                  : image.repository;
}

Error in_pattern(Error error, std::string_view pattern)
{
    return std::move(error).in("\"" + std::string{pattern} + "\"");
}

} // namespace

Result<Matches> path_match(std::string_view pattern, std::string_view name)
{
    auto glob = Glob::parse(to_characters(pattern), Glob::Slash::apart);
    if (!glob)
        return in_pattern(std::move(glob).error(), pattern);
    return glob->matches(to_characters(name)) ? Matches::yes : Matches::no;
}

Result<Matches> is_privileged(std::string_view image, const std::vector<std::string>& patterns)
{
    const auto reference = SLIPWAY_TRY(launcher::parse_image_reference(image));
    const std::string name = familiar(reference);
    std::string whole = name;
    if (!reference.tag.empty())
        whole += ":" + reference.tag;
    if (!reference.digest.empty())
        whole += "@" + reference.digest;
    for (const auto& pattern : patterns)
        for (const auto& form : {whole, name})
            if (SLIPWAY_TRY(path_match(pattern, form)) == Matches::yes)
                return Matches::yes;
    return Matches::no;
}

} // namespace slipway::vela
