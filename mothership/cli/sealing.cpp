#include "mothership/cli/sealing.h"

#include "common/file.h"
#include "common/random.h"
#include "crypto/envelope.h"
#include "mothership/cli/login.h"
#include "mothership/cli/table.h"

#include <cstdio>
#include <map>
#include <optional>

namespace slipway::cli {

namespace {

constexpr std::size_t kMaxPins = 1024 * 1024;
constexpr std::size_t kMaxPem = 64 * 1024;

Result<std::map<std::string, std::string>> read_pins(const std::filesystem::path& file)
{
    const auto text = SLIPWAY_TRY(read_file_if_exists(file, kMaxPins));
    if (!text)
        return std::map<std::string, std::string>{};
    const auto document = SLIPWAY_TRY(in("reading " + file.string(), JsonDocument::parse(*text)));
    const auto pins = SLIPWAY_TRY(document.root().string_map("pools"));
    return std::map<std::string, std::string>{pins.begin(), pins.end()};
}

/// The pool of the control plane's list with that name or id.
Result<std::optional<SealingPool>> find_pool(
    const JsonValue& list, const std::string& wanted, const std::filesystem::path& key_file)
{
    const auto pools = SLIPWAY_TRY(list.at("pools"));
    for (const auto& pool : SLIPWAY_TRY(pools.elements())) {
        const std::string id = SLIPWAY_TRY(pool.string("id"));
        const std::string name = SLIPWAY_TRY(pool.string("name"));
        if (id != wanted && name != wanted)
            continue;
        std::string pem = SLIPWAY_TRY(pool.string_or("public_key", ""));
        if (!key_file.empty())
            pem = SLIPWAY_TRY(in("--pool-key", read_file(key_file, kMaxPem)));
        if (pem.empty())
            return Error{Errc::not_found,
                "the control plane does not know the key of pool " + name
                    + ", which is older than it: give it with --pool-key FILE (openssl pkey -in "
                      "spacelift.key "
                      "-pubout)"};
        auto key = SLIPWAY_TRY(in("the key of pool " + name, crypto::PublicKey::from_pem(pem)));
        return std::optional{SealingPool{.id = id, .name = name, .key = std::move(key)}};
    }
    return std::optional<SealingPool>{};
}

} // namespace

Result<std::filesystem::path> pins_file() { return SLIPWAY_TRY(account_file()).parent_path() / "pins.json"; }

Result<Pin> pin_pool(const std::string& pool_id, const std::string& fingerprint)
{
    const auto file = SLIPWAY_TRY(pins_file());
    const auto pins = SLIPWAY_TRY(read_pins(file));
    const auto known = pins.find(pool_id);
    if (known != pins.end() && known->second == fingerprint)
        return Pin::known;
    if (known != pins.end())
        return Error{Errc::rejected,
            "the key of pool " + pool_id + " is SHA256:" + fingerprint
                + " now, and was SHA256:" + known->second
                + " when it was seen first. If its owner, asked by another way, says that he has changed it: "
                  "slipway "
                  "pool pin "
                + pool_id + " SHA256:" + fingerprint + "; else somebody wants to read your secrets"};
    SLIPWAY_TRY(pin_again(pool_id, fingerprint));
    return Pin::first;
}

Result<std::optional<std::string>> pinned(const std::string& pool_id)
{
    const auto file = SLIPWAY_TRY(pins_file());
    const auto pins = SLIPWAY_TRY(read_pins(file));
    const auto known = pins.find(pool_id);
    return known == pins.end() ? std::optional<std::string>{} : std::optional{known->second};
}

Result<void> pin_again(const std::string& pool_id, const std::string& fingerprint)
{
    const auto file = SLIPWAY_TRY(pins_file());
    auto pins = SLIPWAY_TRY(read_pins(file));
    pins[pool_id] = fingerprint;
    JsonWriter json;
    json.begin_object().string_map("pools", {pins.begin(), pins.end()}).end_object();
    SLIPWAY_TRY(make_directories(file.parent_path()));
    return replace_file(file, json.text() + "\n");
}

Result<SealingPool> sealing_pool(
    ApiClient& client, const std::string& pool, const std::filesystem::path& key_file)
{
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/pools"));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    auto found = SLIPWAY_TRY(find_pool(document.root(), pool, key_file));
    if (!found)
        return Error{Errc::not_found, "there is no pool " + pool + ": slipway pool list"};
    const std::string fingerprint = found->key.fingerprint().hex();
    if (SLIPWAY_TRY(pin_pool(found->id, fingerprint)) == Pin::first)
        std::fprintf(stderr, "pinned the key of pool %s: SHA256:%s\n", printable(found->name).c_str(),
            fingerprint.c_str());
    return *std::move(found);
}

Result<std::string> seal_for(const SealingPool& pool, const std::string& name, std::string_view plain)
{
    SystemRandom random;
    std::string envelope;
    crypto::EnvelopeContext context;
    context.pool = pool.id;
    context.object = name;
    auto sealer
        = SLIPWAY_TRY(crypto::Sealer::create({.context = context, .recipients = {pool.key}, .maker = {}},
            random, [&](std::string_view bytes) -> Result<void> {
                envelope.append(bytes);
                return {};
            }));
    SLIPWAY_TRY(sealer.push(plain));
    SLIPWAY_TRY(sealer.finish());
    return envelope;
}

} // namespace slipway::cli
