#include "docker-client/attached.h"

#include "common/http/url.h"
#include "docker-client/deadlines.h"
#include "docker-client/parse.h"

#include <array>

namespace slipway::docker {

AttachedStreams::AttachedStreams(http::UpgradedStream stream, std::unique_ptr<std::string> read)
    : stream_{std::move(stream)}
    , read_{std::move(read)}
    , reader_{[to = read_.get()](Stream which, std::string_view bytes) -> Result<void> {
        if (which == Stream::out)
            to->append(bytes);
        return {};
    }}
{
}

Result<AttachedStreams> AttachedStreams::open(
    const Engine& engine, std::string_view container, std::stop_token stop)
{
    const std::string path = "/v" + engine.api.text() + "/containers/" + http::percent_encode(container)
        + "/attach?stream=true&stdin=true&stdout=true";
    auto stream = SLIPWAY_TRY(in("docker: attach",
        http::UpgradedStream::open(
            engine.endpoint.client_options(), path, "tcp", deadlines::kQuery, std::move(stop))));
    if (stream.status() != 101 && stream.status() != 200) // before 1.42 some engines say 200
        return Error{code_of_answer(stream.status()),
            "docker: attach: " + std::to_string(stream.status()) + ": "
                + std::string{stream.early().substr(0, 500)}};
    return AttachedStreams{std::move(stream), std::make_unique<std::string>()};
}

Result<void> AttachedStreams::read(std::string& into)
{
    std::array<char, 65536> bytes;
    const auto count = SLIPWAY_TRY(in("docker: attach", stream_.read(bytes)));
    if (!count)
        return {};
    if (*count == 0)
        return Error{Errc::unreachable, "docker: attach: the stream has ended"};
    SLIPWAY_TRY(in("docker: attach", reader_.feed({bytes.data(), *count})));
    into += *read_;
    read_->clear();
    return {};
}

} // namespace slipway::docker
