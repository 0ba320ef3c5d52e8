#include "launcher/disk_use.h"
#include "launcher/start_pages.h"
#include "launcher/supervisor.h"

#include <algorithm>
#include <exception>

namespace slipway::launcher {

namespace {

using JournalRecords = std::map<std::string, JournalRecord>;

/// From the first round to the second: registration and take-over have the machine.
constexpr std::chrono::milliseconds kAfterStart{500};
/// What the start needs and nothing else does is over by then, the check of slots too.
constexpr int kRoundsOfStart = 2;
/// What is touched now and then adds up again: at five seconds a round, some minutes.
constexpr int kRoundsBetween = 60;

/// Nothing: it cannot be read.
std::optional<std::string> container_of(const JobEntry& entry)
{
    const auto fact = entry.slot();
    if (!fact)
        return {};
    return *fact ? (*fact)->container : std::string{};
}

/// The stage of a container that does not bear its name. Nothing: a journal cannot be read, so that none may
/// be taken for nobody's.
std::optional<std::string> stage_of(
    const std::string& container, const JournalRecords& after, const JournalRecords& before)
{
    for (const auto* records : {&after, &before})
        for (const auto& [id, record] : *records)
            if (record.container && *record.container == container)
                return id;
    for (const auto& [id, record] : after)
        if (!record.container)
            return {};
    return std::string{};
}

bool moved(const JournalRecords& before, const JournalRecords& after, const std::string& stage_id)
{
    const auto was = before.find(stage_id);
    const auto is = after.find(stage_id);
    if (is == after.end())
        return was != before.end();
    return was == before.end() || was->second.phase != is->second.phase
        || was->second.container != is->second.container;
}

} // namespace

void Supervisor::reconcile(std::stop_token stop)
{
    const auto& settings = parts_.services.settings;
    std::chrono::nanoseconds wait
        = std::min<std::chrono::nanoseconds>(kAfterStart, settings.reconcile_interval);
    int rounds = 0;
    while (parts_.services.clock.sleep_for(wait, stop) == Clock::Slept::whole) {
        wait = settings.reconcile_interval;
        try {
            round(Round::later, stop);
            if (const auto made = parts_.services.host.make_room(stop); !made && !stop.stop_requested())
                parts_.logger.warn("removing unused images failed and is repeated", made.error());
            watch_disk();
        } catch (const std::exception& failure) {
            parts_.logger.error(
                "comparing the records failed and is repeated", Error{Errc::internal, failure.what()});
        }
        if (++rounds % kRoundsBetween == kRoundsOfStart)
            release_start_pages();
    }
}

/// Beyond the threshold the launcher drains for good: whoever restarts it makes room first.
void Supervisor::watch_disk()
{
    const int threshold = parts_.services.settings.disk_threshold;
    if (threshold == 0)
        return;
    const auto used = disk_used_percent(parts_.journal.directory());
    {
        const std::lock_guard lock{mutex_};
        if (leaving() || !used || *used < threshold)
            return;
    }
    parts_.logger.error("the disk of the state directory is " + std::to_string(*used)
        + "% in use, and SPACELIFT_LAUNCHER_DISK_USAGE_THRESHOLD is " + std::to_string(threshold)
        + "%: draining, then ending; make room, or raise the threshold");
    drain(DrainBy::disk);
}

/// What the journal says; of a stage with a job, what its job says.
std::map<std::string, JournalRecord> Supervisor::journal_records(const std::vector<JobEntry>& entries) const
{
    std::map<std::string, JournalRecord> records;
    const std::lock_guard lock{mutex_};
    for (const auto& [id, job] : jobs_)
        records[id] = {.stage_id = id,
            .phase = job->state().phase,
            .container = container_of(job->entry()),
            .has_job = true};
    for (const auto& entry : entries)
        if (const auto stage = entry.stage(); stage && *stage)
            records[entry.stage_id()] = {.stage_id = entry.stage_id(),
                .phase = (*stage)->phase,
                .container = container_of(entry),
                .has_job = false};
    return records;
}

/// A change ends the poll under way: it has offered places that are none, or none where there are some.
void Supervisor::note_docker(const Result<std::vector<FoundContainer>>& containers)
{
    {
        const std::lock_guard lock{mutex_};
        if (!containers)
            ++parts_.services.tally.docker_errors;
        docker_error_ = containers ? "" : containers.error().message();
        if (docker_answers_ == containers.has_value())
            return;
        docker_answers_ = containers.has_value();
        docker_since_ = parts_.services.clock.now();
        tell_change();
    }
    if (containers)
        parts_.logger.info("Docker answers again");
    else
        parts_.logger.error(
            "Docker does not answer; nothing is taken, and what runs goes on", containers.error());
    poke();
}

/// The journal is read before and after Docker: a stage that moves meanwhile is judged in the next round.
void Supervisor::round(Round which, std::stop_token stop)
{
    const bool first = which == Round::first;
    beat(Loop::reconcile);
    const auto before = journal_records({});
    const auto containers = parts_.services.host.containers(stop);
    if (stop.stop_requested())
        return;
    note_docker(containers);
    if (!containers && !first)
        return;
    std::map<std::string, Records> all;
    // Later, every entry has a job, or is about to get one from the poll thread.
    const auto after = journal_records(first ? parts_.entries : std::vector<JobEntry>{});
    if (containers)
        for (const auto& container : *containers)
            if (const auto stage = container.stage_id.empty() ? stage_of(container.id, after, before)
                                                              : std::optional{container.stage_id})
                all[*stage].containers.push_back(container);
    for (const auto& [id, record] : after) {
        all[id].journal = record;
        all[id].docker_answers = containers.has_value();
    }
    if (!first)
        std::erase_if(all, [&](const auto& one) { return moved(before, after, one.first); });
    repair_all(which, all, stop);
}

void Supervisor::repair_all(Round which, std::map<std::string, Records>& all, std::stop_token stop)
{
    {
        const std::lock_guard lock{mutex_};
        for (const auto& [id, word] : backend_words_)
            if (const auto it = all.find(id); it != all.end())
                it->second.backend = word;
    }
    std::set<std::string> told;
    for (const auto& [id, records] : all) {
        for (const auto& one : compare(id, records)) {
            if (id.empty()) {
                parts_.logger.info("removing what was kept idle by an earlier process",
                    {{"container", one.container}, {"docker", one.docker_says}});
                parts_.services.host.discard(one.container);
                continue;
            }
            const std::string key = std::string{to_string(one.kind)} + " " + id + " " + one.container;
            if (!told_.contains(key))
                parts_.logger.warn("records differ",
                    {{"repair", to_string(one.kind)}, {"stage", id}, {"journal", one.journal_says},
                        {"docker", one.docker_says}, {"backend", one.backend_says}});
            told.insert(key);
            beat(Loop::reconcile);
            // To remove containers may take minutes, and the first poll does not wait for it.
            if (which == Round::first && one.kind == RepairKind::remove)
                parts_.services.host.discard(one.container);
            else
                repair(one, stop);
        }
    }
    told_ = std::move(told);
}

void Supervisor::repair(const Repair& repair, std::stop_token stop)
{
    if (repair.kind == RepairKind::remove) {
        if (const auto removed = parts_.services.host.remove(repair.container, std::move(stop)); !removed)
            parts_.logger.warn(
                "a container could not be removed; the next round tries again", removed.error());
        return;
    }
    {
        const std::lock_guard lock{mutex_};
        if (const auto job = jobs_.find(repair.stage_id); job != jobs_.end()) {
            if (repair.kind == RepairKind::kill)
                job->second->refused();
            else
                job->second->look();
            return;
        }
    }
    // The job sees by itself whether its slot lives; see Job::recover.
    for (const auto& entry : parts_.entries)
        if (const auto state = entry.stage(); entry.stage_id() == repair.stage_id && state && *state)
            start(entry, **state, Job::Origin::journal);
}

} // namespace slipway::launcher
