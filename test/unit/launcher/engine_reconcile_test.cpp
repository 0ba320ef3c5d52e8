#include "launcher/reconcile.h"

#include <catch2/catch.hpp>

using namespace slipway::launcher;
using slipway::protocol::WorkerPhase;

namespace {

struct Row {
    const char* words;
    Records records;
    std::vector<RepairKind> repairs;
};

JournalRecord journal(WorkerPhase phase, bool has_job, std::optional<std::string> container = "c")
{
    return {.stage_id = "s", .phase = phase, .container = std::move(container), .has_job = has_job};
}

FoundContainer container(std::string id, bool running = true)
{
    return {.id = std::move(id), .stage_id = "s", .running = running};
}

const std::vector<Row>& rows()
{
    using R = RepairKind;
    static const std::vector<Row> table{
        {"all agree", {journal(WorkerPhase::running, true), {container("c")}, BackendWord::renewed}, {}},
        {"preparing, no container yet", {journal(WorkerPhase::accepted, true, ""), {}, BackendWord::renewed},
            {}},
        {"preparing, container not in the journal yet",
            {journal(WorkerPhase::accepted, true, ""), {container("c")}}, {}},
        {"container without a journal", {std::nullopt, {container("c")}}, {R::remove}},
        {"an earlier container is left",
            {journal(WorkerPhase::running, true), {container("b"), container("c")}}, {R::remove}},
        {"found at the start, running", {journal(WorkerPhase::running, false), {container("c")}}, {R::adopt}},
        {"found at the start, container gone", {journal(WorkerPhase::running, false), {}}, {R::report_lost}},
        {"found at the start, container ended",
            {journal(WorkerPhase::running, false), {container("c", false)}}, {R::report_lost}},
        {"found at the start, offered", {journal(WorkerPhase::offered, false, ""), {}}, {R::adopt}},
        {"found at the start, accepted", {journal(WorkerPhase::accepted, false, ""), {}}, {R::adopt}},
        {"found at the start, starting", {journal(WorkerPhase::starting, false), {container("c")}},
            {R::adopt}},
        {"found at the start, finished", {journal(WorkerPhase::finished, false), {container("c")}},
            {R::finish}},
        {"found at the start, delivered", {journal(WorkerPhase::done, false), {}}, {R::finish}},
        {"found at the start, given away", {journal(WorkerPhase::gone, false), {container("c")}},
            {R::finish}},
        {"container killed by someone", {journal(WorkerPhase::running, true), {}, BackendWord::renewed},
            {R::report_lost}},
        {"backend gave it away", {journal(WorkerPhase::running, true), {container("c")}, BackendWord::gone},
            {R::kill}},
        {"given away and known so", {journal(WorkerPhase::gone, true), {container("c")}, BackendWord::gone},
            {}},
        {"found at the start, Docker does not answer",
            {journal(WorkerPhase::running, false), {}, BackendWord::nothing, false}, {R::adopt}},
        {"running, and its container cannot be read",
            {journal(WorkerPhase::running, true, std::nullopt), {container("b"), container("c")}}, {}},
        {"found at the start, and its container cannot be read",
            {journal(WorkerPhase::running, false, std::nullopt), {container("c")}}, {R::adopt}},
        {"finished, container still there", {journal(WorkerPhase::finished, true), {container("c")}}, {}},
    };
    return table;
}

} // namespace

TEST_CASE("every difference of the three records has its one repair")
{
    for (const auto& row : rows()) {
        INFO(row.words);
        std::vector<RepairKind> kinds;
        for (const auto& repair : compare("s", row.records)) {
            kinds.push_back(repair.kind);
            CHECK_FALSE(repair.journal_says.empty());
            CHECK_FALSE(repair.docker_says.empty());
            CHECK_FALSE(repair.backend_says.empty());
        }
        CHECK(kinds == row.repairs);
    }
}

TEST_CASE("the container that is removed is the one that no stage needs")
{
    const auto repairs
        = compare("s", {journal(WorkerPhase::running, true), {container("b"), container("c")}});
    REQUIRE(repairs.size() == 1);
    CHECK(repairs[0].container == "b");
}
