#include "common/json.h"

#include <rapidjson/document.h>
#include <rapidjson/encodedstream.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <charconv>
#include <cmath>

namespace slipway {

namespace {

constexpr unsigned kParseFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;

const rapidjson::Value& node_of(const void* node) { return *static_cast<const rapidjson::Value*>(node); }

/// Depth is checked on the text, before anything is built from it.
bool deeper_than(std::string_view text, std::size_t max_depth) noexcept
{
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max_depth)
                return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return false;
}

/// The number in an escape of the form \uXXXX; 0 when none is there.
unsigned unit_at(std::string_view text, std::size_t at) noexcept
{
    constexpr std::size_t kLength = 6;
    if (text.size() < at + kLength || text[at] != '\\' || text[at + 1] != 'u')
        return 0;
    unsigned unit = 0;
    const char* const end = text.data() + at + kLength;
    const auto read = std::from_chars(text.data() + at + 2, end, unit, 16);
    return read.ec == std::errc{} && read.ptr == end ? unit : 0;
}

/// RapidJSON refuses the first half of a pair that stands alone, and makes invalid UTF-8 of the second one
/// (RFC 8259, 8.2). Where it is, or npos.
std::size_t lone_low_surrogate(std::string_view text) noexcept
{
    constexpr auto is_low = [](unsigned unit) { return unit >= 0xdc00 && unit <= 0xdfff; };
    auto at = text.find('\\');
    while (at != std::string_view::npos) {
        const unsigned unit = unit_at(text, at);
        if (is_low(unit))
            return at;
        const bool pair = unit >= 0xd800 && unit < 0xdc00 && is_low(unit_at(text, at + 6));
        at = text.find('\\', at + (pair ? 12 : 2));
    }
    return at;
}

/// Builds a document, but of numbers that are too large for a double, which RapidJSON makes infinite and
/// cannot write.
struct Builder {
    rapidjson::Document& document; // NOLINT(cppcoreguidelines-avoid-const-or-ref-data-members)

    // The names are RapidJSON's.
    bool Null() { return document.Null(); }

    bool Bool(bool value) { return document.Bool(value); }

    bool Int(int value) { return document.Int(value); }

    bool Uint(unsigned value) { return document.Uint(value); }

    bool Int64(std::int64_t value) { return document.Int64(value); }

    bool Uint64(std::uint64_t value) { return document.Uint64(value); }

    bool Double(double value) { return std::isfinite(value) && document.Double(value); }

    bool RawNumber(const char* text, rapidjson::SizeType size, bool copy)
    {
        return document.RawNumber(text, size, copy);
    }

    bool String(const char* text, rapidjson::SizeType size, bool copy)
    {
        return document.String(text, size, copy);
    }

    bool StartObject() { return document.StartObject(); }

    bool Key(const char* text, rapidjson::SizeType size, bool copy) { return document.Key(text, size, copy); }

    bool EndObject(rapidjson::SizeType count) { return document.EndObject(count); }

    bool StartArray() { return document.StartArray(); }

    bool EndArray(rapidjson::SizeType count) { return document.EndArray(count); }
};

} // namespace

struct JsonDocument::Impl {
    rapidjson::Document document;
};

JsonDocument::JsonDocument(std::unique_ptr<Impl> impl)
    : impl_{std::move(impl)}
{
}

JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;

Result<JsonDocument> JsonDocument::parse(std::string_view text, JsonLimits limits)
{
    if (text.size() > limits.max_bytes)
        return Error{
            Errc::exhausted, "JSON text is over the limit of " + std::to_string(limits.max_bytes) + " bytes"};
    if (deeper_than(text, limits.max_depth))
        return Error{Errc::invalid_input, "JSON is nested deeper than " + std::to_string(limits.max_depth)};
    // RapidJSON takes a NUL for the end of the text and does not look at what follows.
    if (const auto nul = text.find('\0'); nul != std::string_view::npos)
        return Error{Errc::invalid_input, "not valid JSON at byte " + std::to_string(nul + 1) + ": a NUL"};
    if (const auto lone = lone_low_surrogate(text); lone != std::string_view::npos)
        return Error{
            Errc::invalid_input, "not valid JSON at byte " + std::to_string(lone + 1) + ": half a character"};
    auto impl = std::make_unique<Impl>();
    rapidjson::ParseResult result;
    const auto build = [&](rapidjson::Document& document) {
        rapidjson::MemoryStream bytes{text.data(), text.size()};
        rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream{bytes};
        Builder builder{document};
        result = rapidjson::Reader{}.Parse<kParseFlags>(stream, builder);
        return !result.IsError();
    };
    impl->document.Populate(build);
    if (result.IsError())
        return Error{Errc::invalid_input,
            "not valid JSON at byte " + std::to_string(result.Offset() + 1) + ": "
                + (result.Code() == rapidjson::kParseErrorTermination
                        ? "a number that is too large"
                        : rapidjson::GetParseError_En(result.Code()))};
    return JsonDocument{std::move(impl)};
}

JsonValue JsonDocument::root() const { return {&static_cast<const rapidjson::Value&>(impl_->document), "$"}; }

JsonValue::JsonValue(const void* node, std::string path)
    : node_{node}
    , path_{std::move(path)}
{
}

Error JsonValue::wrong(std::string_view expected) const
{
    return {Errc::invalid_input, path_ + ": expected " + std::string{expected}};
}

Result<std::string> JsonValue::string() const
{
    const auto& node = node_of(node_);
    if (!node.IsString())
        return wrong("a string");
    return std::string{node.GetString(), node.GetStringLength()};
}

Result<std::int64_t> JsonValue::integer(std::int64_t min, std::int64_t max) const
{
    const auto& node = node_of(node_);
    if (!node.IsInt64())
        return wrong("an integer");
    const std::int64_t number = node.GetInt64();
    if (number < min || number > max)
        return wrong("an integer from " + std::to_string(min) + " to " + std::to_string(max));
    return number;
}

Result<JsonValue::Boolean> JsonValue::boolean() const
{
    const auto& node = node_of(node_);
    if (!node.IsBool())
        return wrong("true or false");
    return static_cast<Boolean>(node.GetBool());
}

Result<std::vector<JsonValue>> JsonValue::elements() const
{
    const auto& node = node_of(node_);
    if (!node.IsArray())
        return wrong("an array");
    std::vector<JsonValue> list;
    list.reserve(node.Size());
    for (rapidjson::SizeType i = 0; i < node.Size(); ++i)
        list.push_back(JsonValue{&node[i], path_ + "[" + std::to_string(i) + "]"});
    return list;
}

Result<std::vector<std::pair<std::string, JsonValue>>> JsonValue::members() const
{
    const auto& node = node_of(node_);
    if (!node.IsObject())
        return wrong("an object");
    std::vector<std::pair<std::string, JsonValue>> list;
    list.reserve(node.MemberCount());
    for (auto member = node.MemberBegin(); member != node.MemberEnd(); ++member) {
        std::string name{member->name.GetString(), member->name.GetStringLength()};
        JsonValue value{&member->value, path_ + "." + name};
        list.emplace_back(std::move(name), std::move(value));
    }
    return list;
}

Result<std::optional<JsonValue>> JsonValue::find(std::string_view key) const
{
    const auto& node = node_of(node_);
    if (!node.IsObject())
        return wrong("an object");
    const rapidjson::Value name{key.data(), static_cast<rapidjson::SizeType>(key.size())};
    const auto member = node.FindMember(name);
    if (member == node.MemberEnd() || member->value.IsNull())
        return std::optional<JsonValue>{};
    return std::optional{JsonValue{&member->value, path_ + "." + std::string{key}}};
}

Result<JsonValue> JsonValue::at(std::string_view key) const
{
    auto found = SLIPWAY_TRY(find(key));
    if (!found)
        return Error{Errc::invalid_input, path_ + "." + std::string{key} + ": is missing"};
    return *std::move(found);
}

Result<std::string> JsonValue::string(std::string_view key) const
{
    const auto value = SLIPWAY_TRY(at(key));
    return value.string();
}

Result<std::int64_t> JsonValue::integer(std::string_view key, std::int64_t min, std::int64_t max) const
{
    const auto value = SLIPWAY_TRY(at(key));
    return value.integer(min, max);
}

Result<JsonValue::Boolean> JsonValue::boolean(std::string_view key) const
{
    const auto value = SLIPWAY_TRY(at(key));
    return value.boolean();
}

Result<std::string> JsonValue::string_or(std::string_view key, std::string_view fallback) const
{
    const auto value = SLIPWAY_TRY(find(key));
    return value ? value->string() : Result<std::string>{std::string{fallback}};
}

Result<std::int64_t> JsonValue::integer_or(
    std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max) const
{
    const auto value = SLIPWAY_TRY(find(key));
    return value ? value->integer(min, max) : Result<std::int64_t>{fallback};
}

Result<JsonValue::Boolean> JsonValue::boolean_or(std::string_view key, bool fallback) const
{
    const auto value = SLIPWAY_TRY(find(key));
    return value ? value->boolean() : Result<Boolean>{static_cast<Boolean>(fallback)};
}

Result<std::vector<std::pair<std::string, std::string>>> JsonValue::string_map(std::string_view key) const
{
    std::vector<std::pair<std::string, std::string>> map;
    const auto value = SLIPWAY_TRY(find(key));
    if (!value)
        return map;
    for (const auto& [name, member] : SLIPWAY_TRY(value->members())) {
        std::string text = SLIPWAY_TRY(member.string());
        map.emplace_back(name, std::move(text));
    }
    return map;
}

Result<std::vector<std::string>> JsonValue::string_list(std::string_view key) const
{
    std::vector<std::string> list;
    const auto value = SLIPWAY_TRY(find(key));
    if (!value)
        return list;
    for (const auto& element : SLIPWAY_TRY(value->elements())) {
        std::string text = SLIPWAY_TRY(element.string());
        list.push_back(std::move(text));
    }
    return list;
}

std::string JsonValue::dump() const
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
    node_of(node_).Accept(writer);
    return {buffer.GetString(), buffer.GetSize()};
}

std::string JsonValue::dump_indented() const
{
    rapidjson::StringBuffer buffer;
    rapidjson::PrettyWriter<rapidjson::StringBuffer> writer{buffer};
    writer.SetIndent(' ', 1);
    node_of(node_).Accept(writer);
    return {buffer.GetString(), buffer.GetSize()};
}

} // namespace slipway
