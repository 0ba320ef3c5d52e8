#include "common/http/router.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace slipway::http {

namespace {

bool is_name(std::string_view segment) noexcept
{
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::vector<std::string> split(std::string_view pattern)
{
    assert(pattern.starts_with('/'));
    std::vector<std::string> segments;
    while (!pattern.empty()) {
        pattern.remove_prefix(1);
        const std::size_t end = std::min(pattern.find('/'), pattern.size());
        segments.emplace_back(pattern.substr(0, end));
        pattern.remove_prefix(end);
    }
    return segments;
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& segments) noexcept
{
    return std::equal(pattern.begin(), pattern.end(), segments.begin(), segments.end(),
        [](const std::string& wanted, const std::string& got) {
            return is_name(wanted) ? !got.empty() : wanted == got;
        });
}

// The first segment in which one pattern is literal and the other is not decides.
bool more_literal(const std::vector<std::string>& a, const std::vector<std::string>& b) noexcept
{
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
        if (is_name(a[i]) != is_name(b[i]))
            return is_name(b[i]);
    }
    return false;
}

bool answers(std::string_view route_method, std::string_view method) noexcept
{
    return route_method == method || (route_method == "GET" && method == "HEAD");
}

Reply method_not_allowed(std::vector<std::string> allowed)
{
    if (std::find(allowed.begin(), allowed.end(), "GET") != allowed.end())
        allowed.emplace_back("HEAD");
    std::sort(allowed.begin(), allowed.end());
    allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
    std::string list;
    for (const auto& method : allowed)
        list.append(list.empty() ? "" : ", ").append(method);
    return Reply::problem(405, "this path does not answer that method").with("Allow", list);
}

} // namespace

void Router::add(std::string_view method, std::string_view pattern, Handler handler, RouteOptions options)
{
    insert({std::string{method}, {}, std::move(handler), {}, std::move(options)}, pattern);
}

void Router::add_sink(
    std::string_view method, std::string_view pattern, SinkFactory factory, RouteOptions options)
{
    insert({std::string{method}, {}, {}, std::move(factory), std::move(options)}, pattern);
}

void Router::insert(Route route, std::string_view pattern)
{
    if (!route.options.body_limit && (route.method == "GET" || route.method == "DELETE"))
        route.options.body_limit = 0;
    route.pattern = split(pattern);
    const auto before = std::find_if(routes_.begin(), routes_.end(),
        [&](const Route& other) { return more_literal(route.pattern, other.pattern); });
    routes_.insert(before, std::move(route));
}

void Router::require_client_certificate(std::string_view prefix)
{
    certificate_prefixes_.emplace_back(prefix);
}

std::variant<Router::Match, Reply> Router::find(std::string_view method, const Target& target) const
{
    const Route* found = nullptr;
    std::vector<std::string> allowed;
    for (const auto& route : routes_) {
        if (!fits(route.pattern, target.segments))
            continue;
        allowed.push_back(route.method);
        const bool better = found == nullptr || (found->method != method && route.method == method);
        if (answers(route.method, method) && better)
            found = &route;
    }
    if (found == nullptr && allowed.empty())
        return Reply::problem(404, "nothing is at this path");
    if (found == nullptr)
        return method_not_allowed(std::move(allowed));
    Match match{found, {}};
    for (std::size_t i = 0; i < found->pattern.size(); ++i) {
        const std::string_view name = found->pattern[i];
        if (is_name(name))
            match.parameters.emplace_back(name.substr(1, name.size() - 2), target.segments[i]);
    }
    return match;
}

bool Router::needs_client_certificate(std::string_view path) const noexcept
{
    return std::any_of(certificate_prefixes_.begin(), certificate_prefixes_.end(),
        [&](const std::string& prefix) { return path.starts_with(prefix); });
}

} // namespace slipway::http
