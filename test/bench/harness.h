#pragma once

#include "test/support/process.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace slipway::bench {

/// Numbers of one subject beside a baseline that was measured in the same run, so that a busy or slow machine
/// moves both. Printed as a table of Markdown: value, ratio to the baseline and, where there is one, the
/// goal.
class Table {
public:
    /// `unit`: "ms", "MB" …
    Table(std::string title, std::string unit);

    /// The row that all ratios refer to. Comes first.
    void baseline(std::string name, double value);
    void row(std::string name, double value);
    /// `goal`: the most that is promised, in the table's unit.
    void row(std::string name, double value, double goal);

    [[nodiscard]] std::string text() const;

private:
    struct Row {
        std::string name;
        double value = 0;
        double goal = 0; ///< 0: none.
    };

    std::string title_;
    std::string unit_;
    std::vector<Row> rows_;
};

/// Durations of repeated work, in milliseconds.
class Samples {
public:
    void add(std::chrono::nanoseconds time)
    {
        milliseconds_.push_back(static_cast<double>(time.count()) / 1e6);
    }

    /// `share` in [0, 1]: 0.5 is the median. There must be a sample.
    [[nodiscard]] double quantile(double share) const;

private:
    std::vector<double> milliseconds_;
};

/// While it lives, a process for each core computes without pause.
class Load {
public:
    Load();

private:
    std::vector<test::Process> busy_;
};

} // namespace slipway::bench
