#include "launcher/vela/expression_lexer.h"
#include "launcher/vela/expression_value.h"
#include "launcher/vela/ruleset.h"

#include <array>
#include <charconv>

namespace slipway::vela {

namespace expression {

namespace {

constexpr int kMaxDepth = 64;

struct Operator {
    std::string_view name;
    int binds; ///< The more, the tighter.
};

constexpr std::array<Operator, 23> kOperators{{{"or", 10}, {"||", 10}, {"and", 15}, {"&&", 15}, {"==", 20},
    {"!=", 20}, {"<", 20}, {">", 20}, {"<=", 20}, {">=", 20}, {"in", 20}, {"matches", 20}, {"contains", 20},
    {"startsWith", 20}, {"endsWith", 20}, {"+", 30}, {"-", 30}, {"*", 60}, {"/", 60}, {"%", 60}, {"**", 100},
    {"^", 100}, {"??", 500}}};
constexpr int kBindsNot = 50;
constexpr int kBindsSign = 90;
constexpr int kBindsRelation = 20;

/// Reads and evaluates at once; what is not to be evaluated (the other branch) is only read.
class Reader {
public:
    Reader(std::vector<Token> tokens, const Variables& variables)
        : tokens_{std::move(tokens)}
        , variables_{variables}
    {
    }

    Result<Value> whole();

private:
    [[nodiscard]] const Token& next() const { return tokens_[at_]; }

    [[nodiscard]] bool is(std::string_view text) const
    {
        return (next().kind == Kind::sign || next().kind == Kind::name) && next().text == text;
    }

    bool take(std::string_view text);
    Result<void> expect(std::string_view text);
    /// `live` false: read without effect.
    Result<Value> nested(int binds, bool live);
    Result<Value> read(int binds, bool live);
    Result<Value> ternary(const Value& condition, std::size_t at, bool live);
    [[nodiscard]] const Operator* infix() const;
    Result<Value> binary(std::string_view name, const Value& left, int binds, std::size_t at, bool live);
    Result<Value> logical(std::string_view name, const Value& left, int binds, std::size_t at, bool live);
    Result<Value> prefix(bool live);
    Result<Value> primary(bool live);
    Result<Value> number(const Token& token);
    Result<Value> name(const Token& token, bool live);
    Result<Value> called(const Token& function, bool live);
    Result<Value> postfix(Value value, bool live);
    Result<Value> of_environment(const Token& token, bool live);
    Result<List> listed(std::string_view end, bool live);
    Value variable(std::string_view name) const;

    std::vector<Token> tokens_;
    const Variables& variables_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

/// The value or the error, told where it is.
Result<Value> located(std::size_t at, bool live, Result<Value> result)
{
    if (!live)
        return Value{};
    if (!result)
        return error_at(at, result.error().message());
    return result;
}

Error not_boolean(std::size_t at, const Value& value)
{
    return error_at(at, "a boolean is needed here, not " + std::string{kind_of(value)});
}

bool Reader::take(std::string_view text)
{
    if (!is(text))
        return false;
    ++at_;
    return true;
}

Result<void> Reader::expect(std::string_view text)
{
    if (take(text))
        return {};
    return error_at(next().at, "\"" + std::string{text} + "\" is missing");
}

Result<Value> Reader::whole()
{
    auto value = SLIPWAY_TRY(nested(0, true));
    if (next().kind != Kind::end)
        return error_at(next().at, "\"" + next().text + "\" is not understood here");
    return value;
}

Result<Value> Reader::nested(int binds, bool live)
{
    if (++depth_ > kMaxDepth)
        return error_at(next().at, "the expression is nested more than 64 deep");
    auto value = read(binds, live);
    --depth_;
    return value;
}

const Operator* Reader::infix() const
{
    if (next().kind != Kind::sign && next().kind != Kind::name)
        return nullptr;
    for (const auto& known : kOperators)
        if (known.name == next().text)
            return &known;
    return nullptr;
}

Result<Value> Reader::read(int binds, bool live)
{
    auto left = SLIPWAY_TRY(prefix(live));
    for (;;) {
        const std::size_t at = next().at;
        const bool negated = is("not") && kBindsRelation >= binds;
        if (negated)
            ++at_;
        const Operator* found = infix();
        if (negated && (found == nullptr || next().kind != Kind::name || found->binds != kBindsRelation))
            return error_at(at, "\"not\" is not understood here");
        if (found == nullptr || found->binds < binds)
            break;
        ++at_;
        left = SLIPWAY_TRY(binary(found->name, left, found->binds, at, live));
        if (negated)
            left = SLIPWAY_TRY(located(at, live, apply("==", left, Value{false})));
    }
    const std::size_t at = next().at;
    return binds == 0 && take("?") ? ternary(left, at, live) : left;
}

Result<Value> Reader::ternary(const Value& condition, std::size_t at, bool live)
{
    const bool* chosen = condition.as<bool>();
    if (live && chosen == nullptr)
        return not_boolean(at, condition);
    auto yes = SLIPWAY_TRY(nested(0, live && *chosen));
    SLIPWAY_TRY(expect(":"));
    auto no = SLIPWAY_TRY(nested(0, live && !*chosen));
    return live && *chosen ? yes : no;
}

Result<Value> Reader::binary(std::string_view name, const Value& left, int binds, std::size_t at, bool live)
{
    if (name == "or" || name == "||" || name == "and" || name == "&&")
        return logical(name, left, binds, at, live);
    if (name == "??") {
        auto right = SLIPWAY_TRY(nested(binds + 1, live && left.is_nil()));
        return left.is_nil() ? right : left;
    }
    const bool to_the_right = name == "**" || name == "^";
    const auto right = SLIPWAY_TRY(nested(to_the_right ? binds : binds + 1, live));
    return live ? located(at, live, apply(name, left, right)) : Value{};
}

Result<Value> Reader::logical(std::string_view name, const Value& left, int binds, std::size_t at, bool live)
{
    const bool decides = name == "or" || name == "||"; // the value that needs no other
    const bool* first = left.as<bool>();
    if (live && first == nullptr)
        return not_boolean(at, left);
    const bool needed = live && *first != decides;
    const auto right = SLIPWAY_TRY(nested(binds + 1, needed));
    if (!needed)
        return left;
    if (right.as<bool>() == nullptr)
        return not_boolean(at, right);
    return right;
}

Result<Value> Reader::prefix(bool live)
{
    const std::size_t at = next().at;
    if (take("not") || take("!")) {
        const auto value = SLIPWAY_TRY(nested(kBindsNot, live));
        if (live && value.as<bool>() == nullptr)
            return not_boolean(at, value);
        return live ? Value{!*value.as<bool>()} : Value{};
    }
    const bool minus = is("-");
    if (minus || is("+")) {
        ++at_;
        auto value = SLIPWAY_TRY(nested(kBindsSign, live));
        auto negative = negate(value);
        return located(at, live, minus || !negative ? std::move(negative) : Result<Value>{std::move(value)});
    }
    return postfix(SLIPWAY_TRY(primary(live)), live);
}

Result<Value> Reader::primary(bool live)
{
    const Token token = next();
    if (token.kind == Kind::end)
        return error_at(token.at, "the expression ends too early");
    ++at_;
    if (token.kind == Kind::text)
        return Value{token.text};
    if (token.kind == Kind::number)
        return number(token);
    if (token.kind == Kind::name)
        return name(token, live);
    if (token.text == "[")
        return Value{SLIPWAY_TRY(listed("]", live))};
    if (token.text != "(")
        return error_at(token.at, "\"" + token.text + "\" is not understood here");
    auto value = SLIPWAY_TRY(nested(0, live));
    SLIPWAY_TRY(expect(")"));
    return value;
}

Result<Value> Reader::number(const Token& token)
{
    std::string digits = token.text;
    std::erase(digits, '_');
    int base = 10;
    for (const auto& [mark, means] : {std::pair{"0x", 16}, {"0o", 8}, {"0b", 2}})
        if (digits.starts_with(mark)) {
            digits.erase(0, 2);
            base = means;
        }
    const char* end = digits.data() + digits.size();
    std::int64_t whole = 0;
    if (const auto read = std::from_chars(digits.data(), end, whole, base);
        read.ec == std::errc{} && read.ptr == end)
        return Value{whole};
    double broken = 0;
    if (const auto read = std::from_chars(digits.data(), end, broken);
        base == 10 && read.ec == std::errc{} && read.ptr == end)
        return Value{broken};
    return error_at(token.at, "\"" + token.text + "\" is no number");
}

Value Reader::variable(std::string_view name) const
{
    const auto found = variables_.find(name);
    return found == variables_.end() ? Value{} : Value{found->second};
}

Result<Value> Reader::name(const Token& token, bool live)
{
    if (token.text == "true" || token.text == "false")
        return Value{token.text == "true"};
    if (token.text == "nil")
        return Value{};
    if (token.text == "$env")
        return of_environment(token, live);
    if (is("("))
        return called(token, live);
    for (const auto& known : kOperators)
        if (known.name == token.text)
            return error_at(token.at, "\"" + token.text + "\" is not understood here");
    if (token.text == "let" || token.text == "if")
        return error_at(token.at, "\"" + token.text + "\" is not supported");
    return live ? variable(token.text) : Value{};
}

Result<Value> Reader::of_environment(const Token& token, bool live)
{
    if (take(".") || take("?.")) {
        if (next().kind != Kind::name)
            return error_at(next().at, "a name is missing");
        return variable(tokens_[at_++].text);
    }
    if (!take("["))
        return error_at(token.at, "\"$env\" needs the name of a variable: $env[\"NAME\"]");
    const auto key = SLIPWAY_TRY(nested(0, live));
    SLIPWAY_TRY(expect("]"));
    if (live && key.as<std::string>() == nullptr)
        return error_at(token.at, "the name of a variable is a string");
    return live ? variable(*key.as<std::string>()) : Value{};
}

Result<List> Reader::listed(std::string_view end, bool live)
{
    List values;
    while (!take(end)) {
        values.push_back(SLIPWAY_TRY(nested(0, live)));
        if (!take(",") && !is(end))
            return error_at(next().at, "\"" + std::string{end} + "\" is missing");
    }
    return values;
}

Result<Value> Reader::called(const Token& function, bool live)
{
    ++at_;
    const auto arguments = SLIPWAY_TRY(listed(")", live));
    auto result = call(function.text, arguments);
    if (!live && !result && result.error().code() != Errc::not_found)
        return Value{};
    return located(function.at, true, std::move(result));
}

Result<Value> Reader::postfix(Value value, bool live)
{
    for (;;) {
        const std::size_t at = next().at;
        if (is(".") || is("?.") || is(".."))
            return error_at(at, "\"" + next().text + "\" is not supported: variables have no members");
        if (is("|"))
            return error_at(at, "\"|\" is not supported: write the function's name before its argument");
        if (!take("["))
            return value;
        const auto index = SLIPWAY_TRY(nested(0, live));
        SLIPWAY_TRY(expect("]"));
        value = SLIPWAY_TRY(located(at, live, element(value, index)));
    }
}

} // namespace

} // namespace expression

Result<Runs> evaluate(std::string_view text, const Variables& variables)
{
    auto tokens = SLIPWAY_TRY(expression::tokens(text));
    const auto value = SLIPWAY_TRY(expression::Reader(std::move(tokens), variables).whole());
    const bool* boolean = value.as<bool>();
    if (boolean == nullptr)
        return Error{Errc::invalid_input,
            "expression: it must yield a boolean, but yields " + std::string{expression::kind_of(value)}};
    return *boolean ? Runs::yes : Runs::no;
}

} // namespace slipway::vela
