#pragma once

#include "common/random.h"
#include "launcher/slot/init_volume.h"
#include "launcher/slot/slot.h"
#include "launcher/slot/slot_init_file.h"
#include "test/support/image_maker.h"
#include "test/support/temp_dir.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::test {

/// The value, or std::runtime_error with the failure's text: for steps that a test cannot go on from.
template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

/// What a shell command on this machine prints; throws when it fails.
std::string run_host(const std::string& command);

/// What came of one run.
struct RunEnd {
    std::string output;
    slot::Exited exit;
    std::vector<slot::Notice> notices;
    bool told_executed = false;
};

/// Slots in the real engine, made from a busybox image; removed when this is destroyed. A test that makes one
/// runs twice: with the socket, and with stdin and stdout in its place.
class SlotFixture {
public:
    SlotFixture();
    /// Of one transport only.
    explicit SlotFixture(bool stdio);
    SlotFixture(const SlotFixture&) = delete;
    SlotFixture& operator=(const SlotFixture&) = delete;
    ~SlotFixture();

    /// A slot that is connected. `change` edits the spec.
    slot::Slot& create(const std::function<void(slot::SlotSpec&)>& change = {});
    /// Slots are made with this file in place of the launcher's own.
    void use_init(const std::filesystem::path& file);
    /// As a launcher that was killed and came back: the old object goes without a word, a new one adopts.
    slot::Slot& restart_launcher(std::uint64_t have);
    /// As a launcher that is away: the slot's listener and connection are gone.
    void leave();
    slot::Slot& come_back(std::uint64_t have);

    slot::Slot& slot() { return *slot_; }

    [[nodiscard]] bool stdio() const { return stdio_.has_value(); }

    docker::Docker& docker() { return docker_; }

    [[nodiscard]] const std::string& container() const { return container_; }

    /// The command lines of what lives in the container, as `docker top` shows them.
    [[nodiscard]] std::string processes() const;

    [[nodiscard]] std::filesystem::path place() const { return directory_.path() / "slot"; }

    /// Runs a command to its end and acknowledges everything. Output goes on from what was had.
    RunEnd run(const slot::RunSpec& spec);
    /// `sh -c script` with PATH=/bin.
    RunEnd shell(const std::string& script, const std::string& user = {});
    void start(const slot::RunSpec& spec);
    /// Follows the newest run to its end.
    RunEnd finish();

    /// The next event of this kind; others are dropped, output is kept for `finish`. Throws after 40 s of
    /// silence.
    template <class Kind> Kind wait_for()
    {
        for (;;) {
            auto event = next();
            if (auto* kind = std::get_if<Kind>(&event))
                return std::move(*kind);
        }
    }

    /// Output until it ends with `text`.
    void wait_output(std::string_view text);

    static slot::RunSpec script(const std::string& text, const std::string& user = {});

    std::uint64_t have = 0;
    std::string collected;

private:
    slot::Event next();

    TempDir directory_;
    docker::Docker docker_;
    ImageMaker images_;
    std::string image_;
    SystemRandom random_;
    std::filesystem::path init_;
    std::optional<slot::StdioPlace> stdio_;
    Secret key_;
    std::unique_ptr<slot::Slot> slot_;
    std::string container_;
    std::uint32_t seq_ = 0;
};

} // namespace slipway::test
