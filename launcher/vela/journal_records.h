#pragma once

#include "common/result.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

/// The bytes of a build's journal: records one after the other, each
///
///   length of the name, length of the value: 32 bits each, little-endian
///   the first 8 bytes of the SHA-256 of these, the name and the value
///   name, value
namespace slipway::vela {

inline constexpr std::size_t kMaxRecordName = 256;
inline constexpr std::size_t kMaxRecordValue = std::size_t{32} * 1024 * 1024;
inline constexpr std::size_t kMaxJournal = std::size_t{128} * 1024 * 1024;

/// Calls `take` with each record of any bytes, in their order. Returns the length of the records that are
/// whole; what follows them is torn.
std::size_t read_records(
    std::string_view bytes, const std::function<void(std::string_view name, std::string_view value)>& take);

/// Fails with `invalid_input` on no name and `exhausted` beyond the limits. The caller wipes it.
[[nodiscard]] Result<std::string> make_record(std::string_view name, std::string_view value);

} // namespace slipway::vela
