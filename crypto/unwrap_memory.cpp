#include "crypto/unwrap_memory.h"

#include <algorithm>
#include <string>

namespace slipway::crypto {

namespace {

Digest place_of(const Digest& key_id, std::string_view wrapped)
{
    return sha256(std::string{key_id.view()}.append(wrapped));
}

} // namespace

void UnwrapMemory::remember(const Digest& key_id, std::string_view wrapped, const Secret& file_key)
{
    const auto place = place_of(key_id, wrapped);
    const std::lock_guard lock{mutex_};
    std::erase_if(known_, [&](const auto& one) { return one.first == place; });
    known_.emplace_front(place, file_key);
    if (known_.size() > kMost)
        known_.pop_back();
}

std::optional<Secret> UnwrapMemory::recall(const Digest& key_id, std::string_view wrapped) const
{
    const auto place = place_of(key_id, wrapped);
    const std::lock_guard lock{mutex_};
    const auto found = std::ranges::find_if(known_, [&](const auto& one) { return one.first == place; });
    return found == known_.end() ? std::nullopt : std::optional{found->second};
}

void UnwrapMemory::forget()
{
    const std::lock_guard lock{mutex_};
    known_.clear();
}

} // namespace slipway::crypto
