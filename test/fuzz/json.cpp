// What parses can be walked and written, and what was written parses to the same text again; but for numbers
// that are no integers of 64 bits, which RapidJSON reads to a double beside the nearest one (full precision
// shifts by undefined amounts for "0e9").
#include "common/json.h"

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

/// Whether all numbers are integers.
bool walk(const slipway::JsonValue& value, int depth)
{
    if (depth > 40)
        std::abort(); // deeper than the parser may let through
    const std::string text = value.dump();
    const bool is_number = text.find_first_of("-0123456789") == 0;
    bool exact = !is_number || value.integer(INT64_MIN, INT64_MAX);
    (void)value.string();
    (void)value.integer(-5, 5);
    (void)value.boolean();
    (void)value.string_map("a");
    (void)value.string_list("a");
    if (const auto elements = value.elements())
        for (const auto& element : *elements)
            exact = walk(element, depth + 1) && exact;
    if (const auto members = value.members())
        for (const auto& [name, member] : *members)
            exact = walk(member, depth + 1) && exact;
    return exact;
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
    const bool exact = walk(document->root(), 0);
    const std::string written = document->root().dump();
    const auto again = slipway::JsonDocument::parse(written, {.max_bytes = SIZE_MAX});
    if (!again || (exact && again->root().dump() != written))
        std::abort();
    return 0;
}
