#include "launcher/outputs_file.h"

#include "common/file.h"
#include "common/json.h"
#include "common/secret.h"
#include "launcher/blob_transfer.h"
#include "launcher/file_tar.h"

namespace slipway::launcher {

namespace {

/// Of the archive that the file comes in.
constexpr std::size_t kTarFrame = 16 * 1024;
constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxName = 256;

struct Outputs {
    std::string plain; ///< JSON; of sensitive ones the name alone.
    std::string sealed; ///< JSON of the sensitive ones. Holds secrets.
    int plain_count = 0;
    int sensitive_count = 0;
};

Result<Outputs> split(std::string_view text)
{
    const auto document = SLIPWAY_TRY(
        JsonDocument::parse(text, {.max_bytes = OutputsFile::kMaxSize, .max_depth = kMaxDepth}));
    Outputs outputs;
    JsonWriter plain;
    JsonWriter sealed;
    plain.begin_object();
    sealed.begin_object();
    for (const auto& [name, output] : SLIPWAY_TRY(document.root().members())) {
        if (name.empty() || name.size() > kMaxName)
            return Error{Errc::invalid_input, "the name of an output has 1 to 256 bytes"};
        const auto value = SLIPWAY_TRY(output.find("value"));
        const std::string json = value ? value->dump() : "null";
        const bool sensitive = SLIPWAY_TRY(output.boolean_or("sensitive", false)) == JsonValue::Boolean::yes;
        ++(sensitive ? outputs.sensitive_count : outputs.plain_count);
        plain.key(name).begin_object().flag("sensitive", sensitive);
        if (sensitive)
            sealed.key(name).begin_object().flag("sensitive", true).key("value").raw(json).end_object();
        else
            plain.key("value").raw(json);
        plain.end_object();
    }
    outputs.plain = plain.end_object().take();
    outputs.sealed = sealed.end_object().take();
    return outputs;
}

} // namespace

/// The text of the file; empty when it is not there.
Result<std::string> OutputsFile::read(JobSlot& slot, std::stop_token stop)
{
    std::string tar;
    const Sink append = [&](std::string_view bytes) -> Result<void> {
        if (tar.size() + bytes.size() > kMaxSize + kTarFrame)
            return Error{Errc::rejected, "it is larger than 1 MiB"};
        tar.append(bytes);
        return {};
    };
    const auto got = slot.get(kPath, append, std::move(stop));
    auto text = got ? only_file_of(tar) : Result<std::string>{std::string{}};
    wipe(tar);
    if (!got && got.error().code() != Errc::conflict)
        return got.error();
    return text;
}

Result<void> OutputsFile::upload_plain(std::string_view json, std::stop_token stop)
{
    const std::string masked = context_.masks.text(json);
    if (!JsonDocument::parse(masked, {.max_bytes = 2 * kMaxSize, .max_depth = kMaxDepth}))
        return Error{Errc::rejected, "they hold a masked value where no text can stand"};
    const UniqueFd fd = SLIPWAY_TRY(nameless_file(context_, kPlainBlob));
    SLIPWAY_TRY(write_all(fd.get(), masked));
    return upload_blob(context_, kPlainBlob, fd.get(), std::move(stop));
}

Result<void> OutputsFile::upload_sealed(std::string_view json, std::stop_token stop)
{
    const auto& a = context_.assignment;
    const UniqueFd fd = SLIPWAY_TRY(nameless_file(context_, kSealedBlob));
    const auto envelope = envelope_context(a, a.stage_id, context_.stage.state().fence, kSealedBlob);
    auto sealer = SLIPWAY_TRY(context_.services.vault.seal(envelope, fd.get()));
    SLIPWAY_TRY(sealer.push(json));
    SLIPWAY_TRY(sealer.finish());
    return upload_blob(context_, kSealedBlob, fd.get(), std::move(stop));
}

Result<std::string> OutputsFile::take(JobSlot& slot, std::stop_token stop)
{
    std::string text = SLIPWAY_TRY(read(slot, stop));
    if (text.empty())
        return text;
    auto outputs = split(text);
    wipe(text);
    if (!outputs)
        return std::move(outputs).error();
    const int sensitive = outputs->sensitive_count;
    const bool seals = sensitive > 0 && context_.services.settings.sensitive_outputs;
    auto done = upload_plain(outputs->plain, stop);
    if (done && seals)
        done = upload_sealed(outputs->sealed, stop);
    wipe(outputs->sealed);
    SLIPWAY_TRY(done);
    std::string line = "outputs kept: " + std::to_string(outputs->plain_count);
    if (seals)
        line += "; sensitive ones, sealed to the pool: " + std::to_string(sensitive);
    else if (sensitive > 0)
        line += "; sensitive ones, not kept, since this worker's SPACELIFT_SENSITIVE_OUTPUT_UPLOAD_ENABLED "
                "is not true: "
            + std::to_string(sensitive);
    return line;
}

} // namespace slipway::launcher
