#include "test/model/checker.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <ctime>
#include <random>

namespace slipway::model {

namespace {

static_assert(std::has_unique_object_representations_v<World>, "states are compared and hashed as bytes");

std::uint64_t hash(const World& world)
{
    std::array<std::uint64_t, (sizeof(World) + 7) / 8> words{};
    std::memcpy(words.data(), &world, sizeof world);
    std::uint64_t h = 0x9E3779B97F4A7C15U;
    for (const auto word : words) {
        h = (h ^ word) * 0xBF58476D1CE4E5B9U;
        h ^= h >> 29U;
    }
    return h;
}

/// All states seen, in the order of discovery, each with the move that led to it. Open addressing over their
/// indices.
class Visited {
public:
    struct Node {
        World world;
        std::uint32_t parent;
        Move move;
    };

    explicit Visited(std::size_t most)
        : table_(std::size_t{1} << (64 - std::countl_zero(most * 2)), 0)
    {
        nodes.reserve(1024);
    }

    enum class Added : bool { no, yes };

    Added add(const World& world, std::uint32_t parent, Move move)
    {
        std::size_t place = hash(world) & (table_.size() - 1);
        for (; table_[place] != 0; place = (place + 1) & (table_.size() - 1))
            if (nodes[table_[place] - 1].world == world)
                return Added::no;
        nodes.push_back({world, parent, move});
        table_[place] = static_cast<std::uint32_t>(nodes.size());
        return Added::yes;
    }

    std::vector<Node> nodes;

private:
    std::vector<std::uint32_t> table_; // index + 1; 0: free
};

std::vector<std::string> trace_to(const Visited& visited, std::size_t index)
{
    std::vector<std::string> trace;
    for (; index != 0; index = visited.nodes[index].parent)
        trace.push_back(
            describe(visited.nodes[visited.nodes[index].parent].world, visited.nodes[index].move));
    std::ranges::reverse(trace);
    return trace;
}

void search(Report& report, const Settings& settings, const Core& core, const Limits& limits)
{
    Visited visited{limits.states};
    (void)visited.add(first_world(settings), 0, {});
    std::vector<Move> moves;
    std::size_t level_end = 1;
    for (std::size_t i = 0; i < visited.nodes.size(); ++i) {
        report.states = visited.nodes.size();
        if (i == level_end) {
            level_end = visited.nodes.size();
            if (++report.depth == limits.depth)
                return;
        }
        const World from = visited.nodes[i].world;
        if (hash(from) % limits.fair_every == 0)
            report.broken = check_fair_end(from, settings, core);
        moves.clear();
        list_moves(from, settings, core, moves);
        for (std::size_t k = 0; report.broken.empty() && k < moves.size(); ++k) {
            World to = from;
            report.broken = apply(to, moves[k], settings, core);
            const auto added = visited.add(to, static_cast<std::uint32_t>(i), moves[k]);
            if (!report.broken.empty() && added == Visited::Added::yes) {
                report.trace = trace_to(visited, visited.nodes.size() - 1);
                return;
            }
        }
        if (!report.broken.empty()) {
            report.trace = trace_to(visited, i);
            return;
        }
        if (visited.nodes.size() >= limits.states)
            return;
    }
    report.complete = true;
}

} // namespace

Report explore(const Settings& settings, const Core& core, const Limits& limits)
{
    const auto start = std::clock();
    Report report;
    search(report, settings, core, limits);
    report.seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    return report;
}

Report wander(
    const Settings& settings, const Core& core, std::size_t walks, Limits limits, std::uint64_t seed)
{
    const auto start = std::clock();
    Report report;
    report.depth = limits.depth;
    std::mt19937_64 random{seed};
    std::vector<Move> moves;
    for (std::size_t walk = 0; walk < walks && report.broken.empty(); ++walk) {
        World world = first_world(settings);
        report.trace.clear();
        for (std::size_t step = 0; step < limits.depth && report.broken.empty(); ++step) {
            moves.clear();
            list_moves(world, settings, core, moves);
            Move move = moves[random() % moves.size()];
            if (move.what >= Do::tick
                && random() % 4 != 0) // seldom enough that something has been done in between
                move = moves[random() % moves.size()];
            if (move.what >= Do::lose && random() % 8 != 0)
                continue;
            const World from = world;
            report.broken = apply(world, move, settings, core);
            if (world != from) {
                report.trace.push_back(describe(from, move));
                ++report.states;
            }
        }
        if (report.broken.empty())
            report.broken = check_fair_end(world, settings, core);
    }
    report.seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    return report;
}

} // namespace slipway::model
