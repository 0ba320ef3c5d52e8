#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace slipway::launcher {

/// Turns the raw log into the log that leaves the machine: where secret values are masked. What comes out is
/// a pure function of all bytes pushed so far, however they were cut into pieces; it may hold bytes back
/// until it knows more. One thread.
class StreamFilter {
public:
    virtual ~StreamFilter() = default;
    /// Appends to `out` what is certain after `bytes`.
    virtual void push(std::string_view bytes, std::string& out) = 0;
    /// No more bytes follow: appends what was held back.
    virtual void finish(std::string& out) = 0;
    /// A text of its own, such as a message about the job, filtered by the rules that hold now. Not a part of
    /// the stream.
    [[nodiscard]] virtual std::string text(std::string_view text) const = 0;
};

/// Lets every byte pass.
class IdentityFilter final : public StreamFilter {
public:
    void push(std::string_view bytes, std::string& out) override { out.append(bytes); }

    void finish(std::string&) override { }

    [[nodiscard]] std::string text(std::string_view text) const override { return std::string{text}; }
};

/// Makes a filter in its first state. Thread-safe.
using FilterMaker = std::function<std::unique_ptr<StreamFilter>()>;

} // namespace slipway::launcher
