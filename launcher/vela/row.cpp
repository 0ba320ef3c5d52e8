#include "launcher/vela/row.h"

#include "common/json.h"

namespace slipway::vela {

namespace {

std::string to_text(const ContainerRow& row)
{
    JsonWriter json;
    json.begin_object().field("status", row.status).field("error", row.error);
    json.field("exit_code", row.exit_code).field("started", row.started).field("finished", row.finished);
    json.end_object();
    return json.take();
}

Result<void> read(std::string_view text, ContainerRow& row)
{
    const auto document = SLIPWAY_TRY(JsonDocument::parse(text));
    const JsonValue json = document.root();
    row.status = SLIPWAY_TRY(json.string("status"));
    row.error = SLIPWAY_TRY(json.string("error"));
    row.exit_code = SLIPWAY_TRY(json.integer("exit_code"));
    row.started = SLIPWAY_TRY(json.integer("started"));
    row.finished = SLIPWAY_TRY(json.integer("finished"));
    return {};
}

bool is_over(std::string_view status)
{
    return status == status::kSuccess || status == status::kFailure || status == status::kError
        || status == status::kKilled;
}

} // namespace

Row::Row(BuildContext& context, ContainerKind kind, const Container& container, std::string_view stage)
    : context_{context}
    , kind_{kind}
    , name_{(kind == ContainerKind::step ? "step." : "service.") + std::to_string(container.number)}
{
    row_.number = container.number;
    row_.name = container.name;
    row_.image = container.image;
    row_.stage = stage;
    row_.status = status::kPending;
    row_.host = context.services.facts.host;
    row_.runtime = "docker";
    row_.distribution = "linux";
    row_.report_as = container.report_as;
    if (const auto text = context.journal.find("row." + name_))
        if (const auto known = read(*text, row_); !known)
            context.logger.warn("the journal of a build has a row that cannot be read", known.error());
}

void Row::keep(std::string_view what)
{
    if (const auto kept = context_.journal.put("row." + name_, to_text(row_), BuildJournal::Sync::later);
        !kept)
        context_.logger.warn("the journal of a build", kept.error());
    context_.outbox.send(
        name_ + "." + std::string{what}, [this, row = row_](std::stop_token stop) -> Result<void> {
            const auto told = context_.services.server.update_container(
                context_.token, context_.build.build_name(), kind_, row, std::move(stop));
            return told ? Result<void>{} : Result<void>{told.error()};
        });
}

void Row::begin()
{
    const std::lock_guard lock{mutex_};
    if (row_.status == status::kPending) {
        row_.status = status::kRunning;
        row_.started = now_seconds(context_.services.clock);
    }
    if (row_.status == status::kRunning)
        keep("running");
}

void Row::finish(std::string_view status, int exit_code, std::string_view error)
{
    const std::lock_guard lock{mutex_};
    if (row_.finished == 0) {
        const auto now = now_seconds(context_.services.clock);
        row_.status = status;
        row_.exit_code = exit_code;
        row_.error = error;
        row_.started = row_.started == 0 ? now : row_.started;
        row_.finished = now;
    }
    keep("end");
}

void Row::cancel()
{
    const std::lock_guard lock{mutex_};
    if (is_over(row_.status) && row_.finished != 0)
        return;
    const auto now = now_seconds(context_.services.clock);
    if (row_.finished == 0) {
        row_.status = status::kCanceled;
        row_.exit_code = 137;
        row_.started = row_.started == 0 ? now : row_.started;
        row_.finished = now;
    }
    keep("end");
}

void Row::settle(std::optional<int> code)
{
    const std::lock_guard lock{mutex_};
    if (row_.finished != 0)
        return;
    const auto now = now_seconds(context_.services.clock);
    if (row_.status == status::kPending) {
        row_.status = status::kKilled;
        row_.exit_code = 137;
        row_.started = now;
    } else if (row_.status == status::kRunning) {
        row_.exit_code = code.value_or(0);
        row_.status = row_.exit_code == 0 ? status::kSuccess : status::kFailure;
    }
    row_.finished = now;
    keep("end");
}

ContainerRow Row::get() const
{
    const std::lock_guard lock{mutex_};
    return row_;
}

} // namespace slipway::vela
