#pragma once

#include "common/json.h"
#include "common/result.h"
#include "docker-client/types.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// What the engine's JSON says, and what it is told: pure functions, private to this module. Unknown fields
/// are ignored; missing ones read as empty where a supported engine may leave them out.
namespace slipway::docker {

/// An inspect of a container with every variable and label is far below this.
inline constexpr JsonLimits kAnswerLimits{.max_bytes = 8 * 1024 * 1024, .max_depth = 64};

[[nodiscard]] Result<EngineInfo> parse_info(std::string_view json);
[[nodiscard]] Result<Image> parse_image(std::string_view json);
/// The digest that a registry names.
[[nodiscard]] Result<std::string> parse_distribution(std::string_view json);
[[nodiscard]] Result<CreatedContainer> parse_created(std::string_view json);
[[nodiscard]] Result<Container> parse_container(std::string_view json);
[[nodiscard]] Result<std::vector<ContainerSummary>> parse_containers(std::string_view json);
[[nodiscard]] Result<std::vector<Network>> parse_networks(std::string_view json);
[[nodiscard]] Result<Volume> parse_volume(std::string_view json);
[[nodiscard]] Result<std::vector<Volume>> parse_volumes(std::string_view json);
/// The exit code of a wait; an error within it fails with `internal`.
[[nodiscard]] Result<std::int64_t> parse_wait(std::string_view json);
/// The "message" of an error answer; empty when there is none.
[[nodiscard]] std::string parse_message(std::string_view json);

/// The body of a create call.
[[nodiscard]] std::string create_body(const ContainerSpec& spec);
/// The value of a list call's `filters`.
[[nodiscard]] std::string label_filters(const StringPairs& labels);

/// RFC 3339 with up to nanoseconds and any offset. Year 1, how Go writes "never", and what cannot be read are
/// empty.
[[nodiscard]] std::optional<TimePoint> parse_time(std::string_view text);

/// An image reference taken apart: "name:tag" and "name@digest" alike; a colon before the last '/' is a
/// registry's port.
struct ImageName {
    std::string name;
    std::string tag; ///< Or digest; "latest" when the reference names none.
};

[[nodiscard]] ImageName split_image(std::string_view reference);

/// Reads the stream of JSON lines that a pull or an import answers with, split anywhere.
class ProgressReader {
public:
    using Handler = std::function<Result<void>(const PullProgress&)>;
    static constexpr std::size_t kMaxLine = 256 * 1024;

    explicit ProgressReader(Handler handler)
        : handler_{std::move(handler)}
    {
    }

    /// Fails with the engine's error when one is in the stream: `unreachable`, or what its own status says;
    /// `invalid_input` for what is not JSON; `exhausted` for a line over `kMaxLine`; or what the handler
    /// failed with.
    Result<void> feed(std::string_view bytes);
    /// Call at the end: the last line may lack its line end.
    Result<void> finish();

private:
    Result<void> take_line(std::string_view line);

    Handler handler_;
    std::string line_;
};

/// What an HTTP status of the engine means to the caller.
[[nodiscard]] Errc code_of_answer(int status) noexcept;

} // namespace slipway::docker
