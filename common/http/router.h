#pragma once

#include "common/http/reply.h"
#include "common/http/request.h"
#include "common/result.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slipway::http {

/// Answers a request. Runs on a handler thread and may block; called from several threads at once. An `Error`
/// becomes `Reply::problem(error)`; an exception is a bug and becomes 500.
using Handler = std::function<Result<Reply>(const Request&)>;

/// Takes one body piece by piece. All calls, the destructor too, come from handler threads, one at a time.
/// Destroyed without `finish` if the body breaks off, is too large or a `write` fails.
class BodySink {
public:
    BodySink() = default;
    BodySink(const BodySink&) = delete;
    BodySink& operator=(const BodySink&) = delete;
    virtual ~BodySink() = default;

    /// The next piece (at most 64 KiB, never empty). On failure the request is answered with that problem and
    /// the connection closed.
    virtual Result<void> write(std::string_view bytes) = 0;

    /// The body is complete. As a `Handler`; called again if it parks.
    virtual Result<Reply> finish(const Request& request) = 0;
};

using SinkOrReply = std::variant<std::unique_ptr<BodySink>, Reply>;

/// Decides, when the headers are in and no byte of the body is read, who takes the body, or refuses with a
/// reply (not `Park`). Runs on a handler thread.
using SinkFactory = std::function<Result<SinkOrReply>(const Request&)>;

/// Refuses a request with a reply (not `Park`) by its headers alone, so that no stranger's body is kept in
/// memory, or lets it pass. Asked only when a body is to come: the handler still decides for itself. Runs on
/// a handler thread.
using Guard = std::function<Result<std::optional<Reply>>(const Request&)>;

struct RouteOptions {
    /// Bytes; nothing means `ServerLimits::body_bytes`, and no body at all for GET and DELETE.
    std::optional<std::uint64_t> body_limit;
    Guard guard; ///< May be empty. A sink's factory is its own guard.
};

/// Which code answers which request. Filled before it is given to a server, constant afterwards.
class Router {
public:
    /// `pattern`: literal segments and `{name}` segments, each of which takes exactly one non-empty segment:
    /// "/worker/v1/stages/{id}/logs". A literal wins over a name. A GET route answers HEAD as well.
    void add(std::string_view method, std::string_view pattern, Handler handler, RouteOptions options = {});

    /// A route whose body goes to a sink.
    void add_sink(
        std::string_view method, std::string_view pattern, SinkFactory factory, RouteOptions options = {});

    /// Every path that starts with `prefix` ("/worker/v1/"), known or not, is answered with 401 unless the
    /// peer showed a client certificate; decided before the body is read.
    void require_client_certificate(std::string_view prefix);

    struct Route {
        std::string method;
        std::vector<std::string> pattern; ///< "{name}" or a literal.
        Handler handler; ///< Empty on a route with a sink.
        SinkFactory factory; ///< Empty on a route without.
        RouteOptions options;
    };

    struct Match {
        const Route* route = nullptr; ///< Valid while the router lives.
        Fields parameters;
    };

    /// The route of a request, or the reply that says why there is none: 404, or 405 with Allow.
    [[nodiscard]] std::variant<Match, Reply> find(std::string_view method, const Target& target) const;

    /// Every route, for tests that must miss none.
    [[nodiscard]] const std::vector<Route>& routes() const noexcept { return routes_; }

    [[nodiscard]] bool needs_client_certificate(std::string_view path) const noexcept;

private:
    void insert(Route route, std::string_view pattern);

    std::vector<Route> routes_;
    std::vector<std::string> certificate_prefixes_;
};

} // namespace slipway::http
