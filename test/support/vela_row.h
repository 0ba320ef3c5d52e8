#pragma once

#include "common/json.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::test {

/// A row of a Vela server's database: the members of one JSON object, in their order.
class VelaRow {
public:
    VelaRow() = default;
    /// Throws when the text is no JSON object.
    explicit VelaRow(std::string_view json);

    /// `json` is JSON text.
    VelaRow& set(std::string_view name, std::string json);
    VelaRow& set(std::string_view name, std::int64_t number);
    VelaRow& set_text(std::string_view name, std::string_view text);

    /// Takes those members of `update` that say something: zero, "", null and absent ones clear nothing.
    void take(const JsonValue& update, const std::vector<std::string_view>& names);

    /// "" or 0 when there is none.
    [[nodiscard]] std::string text(std::string_view name) const;
    [[nodiscard]] std::int64_t number(std::string_view name) const;
    [[nodiscard]] std::string json(std::string_view name) const;
    [[nodiscard]] std::string dump() const;

private:
    std::vector<std::pair<std::string, std::string>> members_;
};

} // namespace slipway::test
