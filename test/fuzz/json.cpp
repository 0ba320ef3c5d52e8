// What parses can be walked and written, and what was written parses to the same text again.
#include "common/json.h"

#include <cstdint>
#include <cstdlib>

namespace {

void walk(const slipway::JsonValue& value, int depth)
{
    if (depth > 40)
        std::abort(); // deeper than the parser may let through
    (void)value.string();
    (void)value.integer(-5, 5);
    (void)value.boolean();
    (void)value.string_map("a");
    (void)value.string_list("a");
    if (const auto elements = value.elements())
        for (const auto& element : *elements)
            walk(element, depth + 1);
    if (const auto members = value.members())
        for (const auto& [name, member] : *members)
            walk(member, depth + 1);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    slipway::JsonWriter writer;
    writer.value(text);
    if (!slipway::JsonDocument::parse(writer.text(), {.max_bytes = SIZE_MAX}))
        std::abort();
    const auto document = slipway::JsonDocument::parse(text);
    if (!document)
        return 0;
    walk(document->root(), 0);
    const std::string written = document->root().dump();
    const auto again = slipway::JsonDocument::parse(written, {.max_bytes = SIZE_MAX});
    if (!again || again->root().dump() != written)
        std::abort();
    return 0;
}
