#include "launcher/vela/outputs_sidecar.h"

#include "common/file.h"
#include "common/http/http_client.h"
#include "common/http/url.h"
#include "common/json.h"
#include "launcher/vela/nameless_file.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace slipway::vela {

namespace {

constexpr std::size_t kMaxOutputs = 10 * 1024 * 1024;
/// Of the names that `find` gives for one pattern.
constexpr std::size_t kMaxFound = 1024 * 1024;
constexpr std::string_view kDirectory = "/vela/outputs";
/// As the original counts.
constexpr std::uint64_t kMega = std::uint64_t{1024} * 1024;
/// Of an artifact: what the archive's header can say.
constexpr std::uint64_t kMaxArtifact = (std::uint64_t{1} << 33U) - 1;
/// For an upload, and a second more for so many bytes.
constexpr std::chrono::seconds kUpload{30};
constexpr std::uint64_t kSlowest = kMega;

std::string content_type(std::string_view path)
{
    constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kTypes{{
        {".css", "text/css; charset=utf-8"},
        {".gif", "image/gif"},
        {".htm", "text/html; charset=utf-8"},
        {".html", "text/html; charset=utf-8"},
        {".jpeg", "image/jpeg"},
        {".jpg", "image/jpeg"},
        {".js", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".pdf", "application/pdf"},
        {".png", "image/png"},
        {".svg", "image/svg+xml"},
        {".xml", "text/xml; charset=utf-8"},
    }};
    const auto dot = path.rfind('.');
    const auto extension = dot == std::string_view::npos ? std::string_view{} : path.substr(dot);
    const auto* const found
        = std::ranges::find_if(kTypes, [&](const auto& entry) { return entry.first == extension; });
    return std::string{found == kTypes.end() ? "application/octet-stream" : found->second};
}

bool is_hidden(std::string_view path) { return path.find("/.") != std::string_view::npos; }

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

} // namespace

Result<void> OutputsSidecar::fetch(const std::function<void(std::string_view)>& tell, std::stop_token stop)
{
    image_ = SLIPWAY_TRY(in("the image of the outputs sidecar",
        context_.services.host.image(
            context_.services.options.outputs_image, Fetch::when_missing, tell, std::move(stop))));
    return {};
}

Result<void> OutputsSidecar::start(std::stop_token stop)
{
    const std::lock_guard lock{mutex_};
    const auto read_fact = [](std::string_view text) -> Result<launcher::SlotFact> {
        const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
        return launcher::SlotFact{.record = SLIPWAY_TRY(document.root().string("record")),
            .container = SLIPWAY_TRY(document.root().string("container")),
            .image_id = {}};
    };
    if (const auto text = context_.journal.find("slot.outputs")) {
        const auto fact = SLIPWAY_TRY(read_fact(*text));
        // Its earlier output is of no use any more.
        if (auto found = context_.services.host.adopt(fact, 0, stop)) {
            slot_ = *std::move(found);
            container_ = fact.container;
            seq_ = slot_->last_seq();
            return {};
        }
    }
    Container container;
    container.id = "outputs_" + context_.pipeline_id;
    container.name = "outputs";
    container.image = context_.services.options.outputs_image;
    const auto keep = [&](const launcher::SlotFact& fact) {
        JsonWriter json;
        json.begin_object().field("record", fact.record).field("container", fact.container).end_object();
        container_ = fact.container;
        return context_.journal.put("slot.outputs", json.text(), BuildJournal::Sync::later);
    };
    slot_ = SLIPWAY_TRY(context_.services.host.create(
        {.container = container, .image_id = image_.id, .place = context_.kit.place}, keep, stop));
    const auto made = SLIPWAY_TRY(run({"mkdir", "-p", std::string{kDirectory}}, "/", stop));
    if (made.code != 0)
        return Error{Errc::invalid_input,
            "the outputs sidecar cannot make " + std::string{kDirectory} + ": " + made.output};
    return {};
}

Result<OutputsSidecar::Done> OutputsSidecar::run(
    std::vector<std::string> argv, std::string_view directory, std::stop_token stop)
{
    const launcher::SlotRun command{
        .seq = ++seq_, .argv = std::move(argv), .environment = {}, .directory = std::string{directory}};
    SLIPWAY_TRY(slot_->run(command));
    Done done;
    for (;;) {
        const auto event = SLIPWAY_TRY(slot_->next(std::chrono::seconds{1}, stop));
        if (const auto* ready = std::get_if<launcher::SlotReady>(&event)) {
            if (ready->last_seq < command.seq)
                SLIPWAY_TRY(slot_->run(command));
        } else if (const auto* output = std::get_if<launcher::SlotOutput>(&event)) {
            taken_ += output->bytes.size();
            if (done.output.size() < kMaxFound)
                done.output += output->bytes;
            SLIPWAY_TRY(slot_->ack(taken_, command.seq - 1));
        } else if (const auto* exited = std::get_if<launcher::SlotExit>(&event)) {
            if (exited->seq != command.seq)
                continue;
            SLIPWAY_TRY(slot_->ack(taken_, command.seq));
            done.code = exited->code;
            return done;
        }
    }
}

Result<Outputs> OutputsSidecar::read(std::stop_token stop)
{
    const std::lock_guard lock{mutex_};
    Outputs outputs;
    using Reader = Result<std::vector<std::pair<std::string, std::string>>> (*)(std::string_view);
    const auto take = [&](std::string_view file, Reader reader, auto& into) -> Result<void> {
        std::string text;
        const auto append = [&](std::string_view piece) -> Result<void> {
            text += piece;
            return {};
        };
        const auto size = SLIPWAY_TRY(context_.services.host.read_file(
            container_, std::string{kDirectory} + "/" + std::string{file}, kMaxOutputs, append, stop));
        if (!size)
            return {};
        auto pairs = reader(text);
        if (!pairs) { // as the original: one bad line, and the file counts as empty
            context_.logger.warn("outputs are left out", pairs.error());
            return {};
        }
        into.insert(into.end(), pairs->begin(), pairs->end());
        return {};
    };
    SLIPWAY_TRY(take(".env", &read_outputs, outputs.plain));
    SLIPWAY_TRY(take("base64.env", &read_base64_outputs, outputs.plain));
    SLIPWAY_TRY(take("masked.env", &read_outputs, outputs.masked));
    SLIPWAY_TRY(take("masked.base64.env", &read_base64_outputs, outputs.masked));
    return outputs;
}

Result<std::vector<std::string>> OutputsSidecar::find(
    const std::string& workspace, const std::string& pattern, std::stop_token stop)
{
    const auto done = SLIPWAY_TRY(
        run({"find", workspace, "-type", "f", "-path", "*" + pattern, "-print"}, "/", std::move(stop)));
    std::vector<std::string> found;
    std::istringstream lines{done.output};
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(workspace) && !is_hidden(line.substr(workspace.size())))
            found.push_back(line);
    return found;
}

/// By way of a file: the storage wants to know the size first, and memory is not for a build's artifacts.
Result<void> OutputsSidecar::upload_file(const std::string& path, std::stop_token stop)
{
    const auto& options = context_.services.options;
    const auto most = options.file_size_limit == 0 ? kMaxArtifact : options.file_size_limit * kMega;
    const auto file = SLIPWAY_TRY(open_nameless(context_.journal.directory()));
    const auto keep = [&](std::string_view piece) { return write_all(file.get(), piece); };
    const auto size = SLIPWAY_TRY(context_.services.host.read_file(container_, path, most, keep, stop));
    if (size.value_or(0) == 0)
        return Error{Errc::invalid_input, "the file is empty"};
    if (options.build_file_size_limit != 0 && uploaded_ + *size > options.build_file_size_limit * kMega)
        return Error{Errc::exhausted, "the artifacts of the build are larger than is allowed"};
    const auto url = SLIPWAY_TRY(context_.services.server.upload_url(
        context_.token, context_.build.build_name(), base_name(path), stop));
    const auto place = SLIPWAY_TRY(in("the address for an upload", http::parse_url(url)));
    auto client
        = SLIPWAY_TRY(http::HttpClient::create({.base_url = place.origin(), .tls = http::TlsOptions{}}));
    const auto answer = SLIPWAY_TRY(
        client.send({.method = "PUT",
                        .url = url,
                        .headers = {{"Content-Type", content_type(path)}},
                        .body = http::ClientRequest::File{.fd = file.get(), .offset = 0, .length = *size},
                        .timeout = kUpload + std::chrono::seconds{*size / kSlowest}},
            stop));
    if (answer.status != 200 && answer.status != 201)
        return Error{Errc::unreachable, "the storage answered " + std::to_string(answer.status)};
    uploaded_ += *size;
    return {};
}

void OutputsSidecar::upload(const Container& step, std::stop_token stop)
{
    const auto workspace = step.environment.find("VELA_WORKSPACE");
    if (!is_on() || workspace == step.environment.end())
        return;
    const std::lock_guard lock{mutex_};
    for (const auto& pattern : step.artifact_paths) {
        const auto files = find(workspace->second, pattern, stop);
        if (!files) {
            context_.logger.warn("artifacts were not found", files.error());
            continue;
        }
        for (const auto& file : *files)
            if (const auto sent = upload_file(file, stop); !sent)
                context_.logger.with("file", file).warn("an artifact was not uploaded", sent.error());
    }
}

Result<void> OutputsSidecar::remove(std::stop_token stop)
{
    const std::lock_guard lock{mutex_};
    slot_.reset();
    if (container_.empty())
        return {};
    return context_.services.host.remove(container_, std::move(stop));
}

} // namespace slipway::vela
