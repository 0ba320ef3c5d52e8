#pragma once

#include "common/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

struct JsonLimits {
    std::size_t max_bytes = 1024 * 1024;
    std::size_t max_depth = 32;
};

class JsonDocument;

/// One value in a document, with the path that led to it, so that each error names the place:
/// "$.runs[3].state: expected a string". Cheap to copy; valid while its `JsonDocument` lives. Fields that are
/// not asked for are ignored. A field of value null counts as absent.
class JsonValue {
public:
    [[nodiscard]] Result<std::string> string() const;
    /// An integer within [min, max]; numbers with a fraction are refused.
    [[nodiscard]] Result<std::int64_t> integer(
        std::int64_t min = INT64_MIN, std::int64_t max = INT64_MAX) const;

    enum class Boolean : bool { no = false, yes = true };
    /// An enum, since `Result<bool>` invites mistakes.
    [[nodiscard]] Result<Boolean> boolean() const;

    /// The members of an array or object, in their order. Fails when this is neither.
    [[nodiscard]] Result<std::vector<JsonValue>> elements() const;
    [[nodiscard]] Result<std::vector<std::pair<std::string, JsonValue>>> members() const;

    /// A member that must be there.
    [[nodiscard]] Result<JsonValue> at(std::string_view key) const;
    /// A member that may be missing or null. Fails when this is no object.
    [[nodiscard]] Result<std::optional<JsonValue>> find(std::string_view key) const;

    /// Shortcuts for `at(key)` and a typed getter.
    [[nodiscard]] Result<std::string> string(std::string_view key) const;
    [[nodiscard]] Result<std::int64_t> integer(
        std::string_view key, std::int64_t min = INT64_MIN, std::int64_t max = INT64_MAX) const;
    [[nodiscard]] Result<Boolean> boolean(std::string_view key) const;
    /// Shortcuts with a value for an absent member; a member of the wrong type still fails.
    [[nodiscard]] Result<std::string> string_or(std::string_view key, std::string_view fallback) const;
    [[nodiscard]] Result<std::int64_t> integer_or(std::string_view key, std::int64_t fallback,
        std::int64_t min = INT64_MIN, std::int64_t max = INT64_MAX) const;
    [[nodiscard]] Result<Boolean> boolean_or(std::string_view key, bool fallback) const;
    /// An object of strings; absent reads as empty.
    [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> string_map(
        std::string_view key) const;
    /// An array of strings; absent reads as empty.
    [[nodiscard]] Result<std::vector<std::string>> string_list(std::string_view key) const;

    /// This value as JSON text.
    [[nodiscard]] std::string dump() const;
    /// The same for people: a member a line, each level indented by one blank more.
    [[nodiscard]] std::string dump_indented() const;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    friend class JsonDocument;
    JsonValue(const void* node, std::string path);
    [[nodiscard]] Error wrong(std::string_view expected) const;

    const void* node_;
    std::string path_;
};

/// A parsed JSON text (RFC 8259, valid UTF-8 only, duplicate keys: the first counts). Parsing is iterative,
/// so that no input can exhaust the stack.
class JsonDocument {
public:
    static Result<JsonDocument> parse(std::string_view text, JsonLimits limits = {});

    JsonDocument(JsonDocument&&) noexcept;
    JsonDocument& operator=(JsonDocument&&) noexcept;
    ~JsonDocument();

    [[nodiscard]] JsonValue root() const;

private:
    struct Impl;
    explicit JsonDocument(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Builds one JSON text from front to back. Strings that are not valid UTF-8 are written with U+FFFD.
///   JsonWriter w; w.begin_object().field("id",
///   id).key("tags").begin_array().value("a").end_array().end_object();
class JsonWriter {
public:
    JsonWriter& begin_object();
    JsonWriter& end_object();
    JsonWriter& begin_array();
    JsonWriter& end_array();
    JsonWriter& key(std::string_view name);
    JsonWriter& value(std::string_view text);

    JsonWriter& value(const char* text) { return value(std::string_view{text}); }

    JsonWriter& value(std::int64_t number);
    JsonWriter& value(double number);
    JsonWriter& boolean(bool truth);
    JsonWriter& null();
    /// Inserts text that is JSON already.
    JsonWriter& raw(std::string_view json);

    JsonWriter& field(std::string_view name, std::string_view text) { return key(name).value(text); }

    JsonWriter& field(std::string_view name, const char* text) { return key(name).value(text); }

    JsonWriter& field(std::string_view name, std::int64_t number) { return key(name).value(number); }

    JsonWriter& flag(std::string_view name, bool truth) { return key(name).boolean(truth); }

    JsonWriter& string_map(
        std::string_view name, const std::vector<std::pair<std::string, std::string>>& map);
    JsonWriter& string_list(std::string_view name, const std::vector<std::string>& list);

    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    [[nodiscard]] std::string take() noexcept { return std::move(text_); }

private:
    void separate();

    std::string text_;
    bool need_comma_ = false;
};

} // namespace slipway
