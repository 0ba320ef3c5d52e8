#include "launcher/reconcile.h"

#include <algorithm>
#include <array>

namespace slipway::launcher {

namespace {

using protocol::WorkerPhase;

std::string_view name_of(WorkerPhase phase)
{
    constexpr std::array<std::string_view, 7> names{
        "offered", "accepted", "starting", "running", "finished", "gone", "done"};
    return names.at(static_cast<std::size_t>(phase));
}

std::string journal_words(const std::optional<JournalRecord>& journal)
{
    if (!journal)
        return "unknown";
    return std::string{name_of(journal->phase)} + (journal->has_job ? ", has a job" : ", has no job");
}

std::string docker_words(const Records& records)
{
    const auto& containers = records.containers;
    if (!records.docker_answers)
        return "no answer";
    if (containers.empty())
        return "no container";
    std::string words;
    for (const auto& container : containers)
        words += (words.empty() ? "" : ", ") + container.id + (container.running ? " runs" : " does not run");
    return words;
}

std::string_view backend_words(BackendWord word)
{
    switch (word) {
    case BackendWord::nothing:
        return "nothing";
    case BackendWord::renewed:
        return "ours";
    case BackendWord::gone:
        return "not ours";
    }
    return "nothing";
}

/// The stage has a container of its own in these phases, and no other one is right.
bool settled(WorkerPhase phase)
{
    return phase == WorkerPhase::starting || phase == WorkerPhase::running || phase == WorkerPhase::finished;
}

RepairKind takeover(const JournalRecord& journal, bool lives)
{
    switch (journal.phase) {
    case WorkerPhase::offered:
    case WorkerPhase::accepted:
    case WorkerPhase::starting:
        return RepairKind::adopt;
    case WorkerPhase::running:
        return lives ? RepairKind::adopt : RepairKind::report_lost;
    case WorkerPhase::finished:
    case WorkerPhase::gone:
    case WorkerPhase::done:
        return RepairKind::finish;
    }
    return RepairKind::adopt;
}

} // namespace

std::string_view to_string(RepairKind kind) noexcept
{
    switch (kind) {
    case RepairKind::adopt:
        return "adopt";
    case RepairKind::finish:
        return "finish";
    case RepairKind::kill:
        return "kill";
    case RepairKind::remove:
        return "remove";
    case RepairKind::report_lost:
        return "report lost";
    }
    return "";
}

std::vector<Repair> compare(const std::string& stage_id, const Records& records)
{
    const auto& journal = records.journal;
    std::vector<Repair> repairs;
    const auto add = [&](RepairKind kind, const std::string& container = {}) {
        repairs.push_back({.kind = kind,
            .stage_id = stage_id,
            .container = container,
            .journal_says = journal_words(journal),
            .docker_says = docker_words(records),
            .backend_says = std::string{backend_words(records.backend)}});
    };
    const auto is_ours = [&](const auto& container) { return container.id == journal->container; };
    for (const auto& container : records.containers)
        if (!journal || (settled(journal->phase) && journal->container && !is_ours(container)))
            add(RepairKind::remove, container.id);
    if (!journal)
        return repairs;
    const bool lives = !journal->container || !records.docker_answers
        || std::any_of(records.containers.begin(), records.containers.end(),
            [&](const auto& container) { return container.running && is_ours(container); });
    const bool over = journal->phase == WorkerPhase::gone || journal->phase == WorkerPhase::done;
    if (!journal->has_job)
        add(takeover(*journal, lives));
    else if (journal->phase == WorkerPhase::running && !lives)
        add(RepairKind::report_lost);
    if (records.backend == BackendWord::gone && !over)
        add(RepairKind::kill);
    return repairs;
}

} // namespace slipway::launcher
