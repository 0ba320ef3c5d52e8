// The archive of a provider, as a hostile container gives it. The first byte says into which pieces it is
// cut.
#include "launcher/provider_cache/package_tar.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

using namespace slipway;
using namespace slipway::launcher;

namespace {

constexpr PackageLimits kLimits{.bytes = 4096, .entries = 20};

/// What came out: all that may not depend on the pieces.
std::string read_in(std::string_view tar, std::size_t piece)
{
    std::string seen;
    std::set<std::string> paths;
    std::uint64_t total = 0;
    bool open = false;
    PackageTar reader{{.begin = [&](const std::string& path) -> Result<void> {
                           const std::filesystem::path as_path{path};
                           if (open || as_path.is_absolute() || as_path.lexically_normal() != as_path
                               || *as_path.begin() == ".." || path.ends_with('/')
                               || path.find_first_of(std::string_view{"\0\n", 2}) != std::string::npos
                               || !paths.insert(path).second)
                               std::abort();
                           open = true;
                           seen += "<" + path + ">";
                           return {};
                       },
                          .bytes = [&](std::string_view bytes) -> Result<void> {
                              total += bytes.size();
                              if (!open || total > kLimits.bytes)
                                  std::abort();
                              seen += bytes;
                              return {};
                          },
                          .end = [&]() -> Result<void> {
                              if (!open)
                                  std::abort();
                              open = false;
                              return {};
                          }},
        kLimits};
    for (; !tar.empty(); tar.remove_prefix(std::min(piece, tar.size())))
        if (const auto pushed = reader.push(tar.substr(0, piece)); !pushed)
            return seen + pushed.error().message();
    if (reader.finish() && open)
        std::abort();
    return seen + (reader.finish() ? "end" : "cut");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view tar{reinterpret_cast<const char*>(data) + 1, size - 1};
    if (read_in(tar, 1U + data[0]) != read_in(tar, size))
        std::abort();
    return 0;
}
