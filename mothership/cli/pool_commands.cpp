#include "common/clock.h"
#include "common/file.h"
#include "common/http/url.h"
#include "crypto/csr.h"
#include "mothership/cli/commands.h"
#include "mothership/cli/sealing.h"
#include "mothership/cli/table.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace slipway::cli {

namespace {

std::int64_t now_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock{}.wall().time_since_epoch())
        .count();
}

std::string metadata_text(const JsonValue& worker)
{
    std::string text;
    const auto metadata = worker.string_map("metadata");
    if (!metadata)
        return "-";
    for (const auto& [name, value] : *metadata)
        text += (text.empty() ? "" : ",") + printable(name) + "=" + printable(value);
    return text.empty() ? "-" : text;
}

/// A file that is there before the token comes, and goes again unless the token was written into it.
class TokenFile {
public:
    static Result<TokenFile> create(const std::filesystem::path& path)
    {
        auto file = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        if (!file && file.error().code() == Errc::conflict)
            return Error{Errc::conflict, "--out: " + path.string() + " exists; a token is never overwritten"};
        return TokenFile{path, SLIPWAY_TRY(in("--out", std::move(file)))};
    }

    TokenFile(TokenFile&& other) noexcept
        : path_{std::exchange(other.path_, {})}
        , file_{std::move(other.file_)}
    {
    }

    TokenFile& operator=(TokenFile&&) = delete;

    ~TokenFile()
    {
        if (!path_.empty())
            ::unlink(path_.c_str());
    }

    /// Written to the disk when this succeeds.
    Result<void> keep(const std::string& token)
    {
        SLIPWAY_TRY(write_all(file_.get(), token + "\n"));
        if (::fsync(file_.get()) != 0 && errno != EINVAL)
            return Error::from_errno("syncing", errno);
        path_.clear();
        return {};
    }

private:
    TokenFile(std::filesystem::path path, UniqueFd file)
        : path_{std::move(path)}
        , file_{std::move(file)}
    {
    }

    std::filesystem::path path_;
    UniqueFd file_;
};

/// As one word of a shell.
std::string shell_quoted(const std::string& text)
{
    constexpr std::string_view kPlain
        = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+,:@%";
    if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos)
        return text;
    std::string quoted = "'";
    for (const char c : text)
        quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return quoted + "'";
}

/// The private key beside the request, if it is there and is the request's.
std::string name_of_key(const PoolCreateOptions& options, const crypto::Csr& csr)
{
    std::filesystem::path beside = options.csr;
    beside.replace_extension(".key");
    if (auto text = read_file(beside, crypto::kMaxCsrSize)) {
        const Secret pem = Secret::take(*text);
        const auto key = crypto::PrivateKey::from_pem(pem.reveal());
        if (key && key->fingerprint() == csr.fingerprint())
            return shell_quoted(beside.string());
    }
    return "FILE";
}

void print_next_commands(const PoolCreateOptions& options, const crypto::Csr& csr)
{
    const std::string key = name_of_key(options, csr);
    std::printf("Next, on each worker%s:\n",
        key == "FILE" ? " (FILE is the private key: what -keyout named when the request was made)" : "");
    std::printf("  export SPACELIFT_TOKEN=\"$(cat %s)\"\n", shell_quoted(options.out.string()).c_str());
    std::printf("  export SPACELIFT_POOL_PRIVATE_KEY=\"$(cat %s | base64)\"\n", key.c_str());
    std::printf("  slipway-launcher\n");
}

} // namespace

Result<void> create_pool(ApiClient& client, const PoolCreateOptions& options)
{
    std::string text = SLIPWAY_TRY(in("--csr", read_file(options.csr, crypto::kMaxCsrSize)));
    const Secret wiped = Secret::take(text); // it may be a private key by mistake
    const auto csr = SLIPWAY_TRY(in("--csr " + options.csr.string(), crypto::Csr::from_text(wiped.reveal())));
    TokenFile out = SLIPWAY_TRY(TokenFile::create(options.out));
    JsonWriter json;
    json.begin_object().field("name", options.name).field("csr", csr.pem()).end_object();
    const Answer answer = SLIPWAY_TRY(client.send("POST", "/api/v1/pools", json.text()));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body));
    const JsonValue pool = document.root();
    const std::string token = SLIPWAY_TRY(pool.string("token"));
    const std::string id = SLIPWAY_TRY(pool.string("id"));
    const std::string fingerprint = csr.fingerprint().hex();
    if (SLIPWAY_TRY(pool.string("fingerprint")) != fingerprint)
        return Error{Errc::rejected,
            "the server made the pool " + id + " for another key than that of the request, which is SHA256:"
                + fingerprint + ": do not use it"};
    if (const auto kept = out.keep(token); !kept) {
        std::printf("%s\n", printable(token).c_str());
        return kept.error().in(
            "--out: the token is printed above and is not shown again; writing " + options.out.string());
    }
    if (const auto pinned = pin_pool(id, fingerprint); !pinned)
        std::fprintf(
            stderr, "the key of the pool is not pinned: %s\n", printable(pinned.error().message()).c_str());
    std::printf("pool \"%s\" (%s)\n", printable(options.name).c_str(), printable(id).c_str());
    std::printf("fingerprint of its key: SHA256:%s\n", fingerprint.c_str());
    std::printf("token: %s (keep it with the key; it is not shown again)\n\n", options.out.c_str());
    print_next_commands(options, csr);
    return {};
}

Result<void> list_pools(ApiClient& client, bool json)
{
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/pools"));
    if (json) {
        std::printf("%s\n", answer.body.c_str());
        return {};
    }
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    const auto pools = SLIPWAY_TRY(document.root().at("pools"));
    std::vector<std::vector<std::string>> rows{{"NAME", "ID", "WORKERS", "BUSY", "PENDING", "FINGERPRINT"}};
    for (const auto& pool : SLIPWAY_TRY(pools.elements())) {
        rows.push_back(
            {printable(SLIPWAY_TRY(pool.string("name"))), printable(SLIPWAY_TRY(pool.string("id"))),
                std::to_string(SLIPWAY_TRY(pool.integer_or("workers", 0))),
                std::to_string(SLIPWAY_TRY(pool.integer_or("busy", 0))),
                std::to_string(SLIPWAY_TRY(pool.integer_or("pending", 0))),
                "SHA256:" + printable(SLIPWAY_TRY(pool.string_or("fingerprint", ""))).substr(0, 16)});
    }
    if (rows.size() == 1)
        std::fputs("no pools yet: slipway pool create --help\n", stderr);
    else
        std::fputs(format_table(rows).c_str(), stdout);
    return {};
}

namespace {

/// A fingerprint as people give it: hexadecimal, with or without "SHA256:" and colons.
Result<std::string> read_fingerprint(std::string_view given)
{
    std::string_view text = given;
    if (text.starts_with("SHA256:"))
        text.remove_prefix(7);
    std::string hex;
    for (const char c : text)
        if (c != ':')
            hex += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
        return Error{Errc::invalid_input,
            "\"" + std::string{given}
                + "\" is no fingerprint: it is the SHA-256 of the public key, 64 hexadecimal "
                  "digits: openssl pkey -in spacelift.key -pubout -outform DER | sha256sum"};
    return hex;
}

} // namespace

Result<void> pin_pool_key(ApiClient& client, const std::string& pool, const std::string& fingerprint)
{
    std::string wanted;
    if (!fingerprint.empty())
        wanted = SLIPWAY_TRY(read_fingerprint(fingerprint));
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/pools"));
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    const auto pools = SLIPWAY_TRY(document.root().at("pools"));
    for (const auto& one : SLIPWAY_TRY(pools.elements())) {
        const std::string id = SLIPWAY_TRY(one.string("id"));
        const std::string name = SLIPWAY_TRY(one.string("name"));
        if (id != pool && name != pool)
            continue;
        const std::string told = SLIPWAY_TRY(one.string_or("fingerprint", ""));
        if (!wanted.empty())
            SLIPWAY_TRY(pin_again(id, wanted));
        const auto known = SLIPWAY_TRY(pinned(id));
        std::printf(
            "pinned:            %s\n", known ? ("SHA256:" + printable(*known)).c_str() : "nothing yet");
        std::printf("the control plane: SHA256:%s\n", printable(told).c_str());
        if (known && *known != told)
            std::fputs("they differ: nothing is sealed for this pool until they are the same\n", stderr);
        return {};
    }
    return Error{Errc::not_found, "there is no pool " + pool + ": slipway pool list"};
}

Result<void> list_workers(ApiClient& client, const std::string& pool, bool json)
{
    const std::string filter = pool.empty() ? "" : "?pool=" + http::percent_encode(pool);
    const Answer answer = SLIPWAY_TRY(client.get("/api/v1/workers" + filter));
    if (json) {
        std::printf("%s\n", answer.body.c_str());
        return {};
    }
    const auto document = SLIPWAY_TRY(JsonDocument::parse(answer.body, {.max_bytes = 16U << 20U}));
    const auto workers = SLIPWAY_TRY(document.root().at("workers"));
    std::vector<std::vector<std::string>> rows{
        {"ID", "POOL", "HOST", "BUSY", "LAST SEEN", "METADATA", "STATUS"}};
    for (const auto& worker : SLIPWAY_TRY(workers.elements())) {
        const bool silent = SLIPWAY_TRY(worker.boolean_or("silent", false)) == JsonValue::Boolean::yes;
        rows.push_back({printable(SLIPWAY_TRY(worker.string("id"))),
            printable(SLIPWAY_TRY(worker.string_or("pool_name", ""))),
            printable(SLIPWAY_TRY(worker.string_or("hostname", ""))),
            std::to_string(SLIPWAY_TRY(worker.integer_or("held", 0))) + "/"
                + std::to_string(SLIPWAY_TRY(worker.integer_or("capacity", 1))),
            format_age(SLIPWAY_TRY(worker.integer_or("last_seen_ms", 0)), now_ms()), metadata_text(worker),
            coloured_state(SLIPWAY_TRY(worker.string("status"))) + (silent ? " (silent)" : "")});
    }
    if (rows.size() == 1)
        std::fputs("no workers: start slipway-launcher with the token and the key of a pool\n", stderr);
    else
        std::fputs(format_table(rows).c_str(), stdout);
    return {};
}

} // namespace slipway::cli
