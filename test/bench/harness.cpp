#include "test/bench/harness.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <thread>

namespace slipway::bench {

namespace {

std::string format(const char* pattern, double value)
{
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), pattern, value);
    return text.data();
}

} // namespace

Table::Table(std::string title, std::string unit)
    : title_{std::move(title)}
    , unit_{std::move(unit)}
{
}

void Table::baseline(std::string name, double value)
{
    rows_.insert(rows_.begin(), Row{std::move(name) + " (baseline)", value, 0});
}

void Table::row(std::string name, double value) { rows_.push_back({std::move(name), value, 0}); }

void Table::row(std::string name, double value, double goal)
{
    rows_.push_back({std::move(name), value, goal});
}

std::string Table::text() const
{
    std::string text = "\n| " + title_ + " | " + unit_ + " | ratio | goal |\n|---|---:|---:|---:|\n";
    for (const auto& row : rows_) {
        text += "| " + row.name + " | " + format("%.2f", row.value) + " | "
            + format("%.2f", row.value / rows_.front().value) + " | ";
        if (row.goal > 0)
            text += format("%g", row.goal) + (row.value <= row.goal ? ", met" : ", missed");
        text += " |\n";
    }
    return text;
}

double Samples::quantile(double share) const
{
    std::vector<double> sorted = milliseconds_;
    std::ranges::sort(sorted);
    const auto index = static_cast<std::size_t>(std::lround(share * static_cast<double>(sorted.size() - 1)));
    return sorted[index];
}

Load::Load()
{
    for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
        auto process = test::Process::start(
            {.argv = {"sh", "-c", "while :; do :; done"}, .env = {}, .directory = {}, .log = {}});
        if (!process)
            throw std::runtime_error{process.error().message()};
        busy_.push_back(*std::move(process));
    }
}

} // namespace slipway::bench
