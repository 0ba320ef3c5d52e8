#include "common/protocol/wire.h"
#include "launcher/status_json.h"

#include <cstdio>
#include <numeric>

namespace slipway::launcher {

namespace {

/// Names and escapes of prometheus.io/docs/instrumenting/exposition_formats.
class Writer {
public:
    void family(std::string_view name, std::string_view type, std::string_view help)
    {
        name_ = "slipway_launcher_" + std::string{name};
        text_ += "# HELP " + name_ + " " + std::string{help} + "\n# TYPE " + name_ + " " + std::string{type}
            + "\n";
    }

    void sample(const std::string& value, std::string_view labels = {}, std::string_view suffix = {})
    {
        text_ += name_ + std::string{suffix};
        if (!labels.empty())
            text_ += "{" + std::string{labels} + "}";
        text_ += " " + value + "\n";
    }

    void one(std::string_view name, std::string_view type, std::string_view help, const std::string& value)
    {
        family(name, type, help);
        sample(value);
    }

    std::string text_;

private:
    std::string name_;
};

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string seconds(double value)
{
    std::string text(32, '\0');
    text.resize(static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.6g", value)));
    return text;
}

std::string seconds(std::chrono::milliseconds time)
{
    return seconds(static_cast<double>(time.count()) / 1000);
}

std::string label(std::string_view name, std::string_view value)
{
    std::string text = std::string{name} + "=\"";
    for (const char c : value) {
        if (c == '\\' || c == '"')
            text += '\\';
        if (c == '\n')
            text += "\\n";
        else
            text += c;
    }
    return text + "\"";
}

void write_histogram(Writer& out, std::string_view start, const Histogram::Values& values)
{
    const std::string labels = label("start", start);
    for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i)
        out.sample(number(values.at_most[i]),
            labels + "," + label("le", seconds(std::chrono::milliseconds{Histogram::kBounds[i]})), "_bucket");
    out.sample(number(values.count), labels + "," + label("le", "+Inf"), "_bucket");
    out.sample(seconds(static_cast<double>(values.sum_ns) / 1e9), labels, "_sum");
    out.sample(number(values.count), labels, "_count");
}

void write_now(Writer& out, const EngineStatus& status)
{
    out.one("jobs_running", "gauge", "Jobs that are held.", number(status.stages.size()));
    out.one("capacity", "gauge", "Jobs that may be held at once.", std::to_string(status.capacity));
    out.one("warm_slots", "gauge", "Slots that are started and idle.", number(status.idle_slots));
    out.one("connected", "gauge", "1: the control plane answered the last contact.",
        status.connected ? "1" : "0");
    if (status.contact_age)
        out.one("last_contact_age_seconds", "gauge", "Since the control plane's last answer.",
            seconds(*status.contact_age));
    out.one("draining", "gauge", "1: nothing more is taken.", status.draining ? "1" : "0");
    out.one("docker_up", "gauge", "1: the Docker Engine answers.", status.docker_answers ? "1" : "0");
    out.one("disk_free_bytes", "gauge", "In the file system of the state directory.",
        number(status.disk.free_bytes));
    out.one("disk_free_inodes", "gauge", "In the file system of the state directory.",
        number(status.disk.free_inodes));
    const auto spooled = std::accumulate(status.stages.begin(), status.stages.end(), std::uint64_t{0},
        [](std::uint64_t sum, const StageStatus& stage) { return sum + stage.spool_bytes; });
    out.one("spool_bytes", "gauge", "Disk that the logs of the held jobs take.", number(spooled));
    out.one("uptime_seconds", "gauge", "Since the start of the process.", seconds(status.uptime));
}

void write_counts(Writer& out, const Tally& tally)
{
    out.one("offers_total", "counter", "Stages that were offered.", number(tally.offers));
    out.one("accepts_total", "counter", "Stages that were taken.", number(tally.accepts));
    out.family("declines_total", "counter", "Stages that were declined or given back, by cause.");
    for (std::size_t i = 0; i < kDeclineCauses.size(); ++i)
        out.sample(number(tally.declines.at(i)), label("cause", kDeclineCauses.at(i)));
    out.family("stages_finished_total", "counter", "Stages whose end was delivered, by outcome.");
    for (std::size_t i = 1; i < kOutcomes; ++i)
        out.sample(number(tally.finished.at(i)),
            label("outcome", protocol::to_string(static_cast<protocol::Outcome>(i))));
    out.family("slot_start_seconds", "histogram", "From the request for a slot to its being ready.");
    write_histogram(out, "cold", tally.cold_starts.values());
    write_histogram(out, "warm", tally.warm_starts.values());
    out.one("log_spooled_bytes_total", "counter", "Output taken from slots.", number(tally.spooled));
    out.one("log_delivered_bytes_total", "counter", "Log that the control plane has acknowledged.",
        number(tally.delivered));
    out.one("docker_errors_total", "counter", "Calls to the Docker Engine that failed.",
        number(tally.docker_errors));
    out.one(
        "poll_errors_total", "counter", "Registrations and polls that failed.", number(tally.poll_errors));
}

} // namespace

std::string metrics_text(const EngineStatus& status, const Tally& tally, const LauncherFacts& facts)
{
    Writer out;
    out.family("build_info", "gauge", "1; the version is a label.");
    out.sample("1", label("version", facts.version));
    write_now(out, status);
    write_counts(out, tally);
    return out.text_;
}

} // namespace slipway::launcher
