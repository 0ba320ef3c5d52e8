#pragma once

#include "common/result.h"

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

/// Private to mothership/store: the only header that includes sqlite3.h.
namespace slipway::mothership::sqlite {

/// Bytes that are stored as they are, not as text.
struct Bytes {
    std::string_view bytes;
};

/// One row of a result; valid within the callback.
class Row {
public:
    explicit Row(sqlite3_stmt* statement)
        : statement_{statement}
    {
    }

    /// The next column, from the first one on.
    [[nodiscard]] std::int64_t integer();
    [[nodiscard]] std::string text();

    [[nodiscard]] bool flag() { return integer() != 0; }

    template <class Integer> [[nodiscard]] Integer as() { return static_cast<Integer>(integer()); }

private:
    sqlite3_stmt* statement_;
    int column_ = 0;
};

/// A connection with its prepared statements. One thread at a time.
class Connection {
public:
    enum class Access { make, write, read };

    /// Opens the file (`make`: writing, made if missing) with WAL, synchronous=FULL, foreign keys and a busy
    /// timeout.
    static Result<std::unique_ptr<Connection>> open(const std::filesystem::path& path, Access access);

    /// Statements without values or results.
    Result<void> execute(const std::string& script);

    /// From now on `call` is told after each commit of this connection how many pages the write-ahead log
    /// has, and SQLite does not copy it by itself; empty: not told, and not copied either.
    void on_commit(std::function<void(int pages)> call);
    /// Copies what no reader needs any more from the write-ahead log into the database. Never waits for
    /// another connection; what could not be copied is left for the next time.
    void checkpoint();

    /// Runs one statement; how many rows it changed. `sql` is a literal: it is kept as the key of the
    /// statement.
    template <class... Values> Result<int> run(std::string_view sql, const Values&... values)
    {
        return each(
            sql, [](Row&) -> Result<void> { return {}; }, values...);
    }

    /// Runs a query and calls `take` with each row.
    template <class... Values>
    Result<int> each(
        std::string_view sql, const std::function<Result<void>(Row&)>& take, const Values&... values)
    {
        sqlite3_stmt* statement = SLIPWAY_TRY(prepare(sql));
        int index = 0;
        const bool bound = (bind(statement, ++index, values) && ...);
        return step_all(statement, bound, take);
    }

private:
    struct Close {
        void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
    };

    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };

    Connection() = default;

    Result<sqlite3_stmt*> prepare(std::string_view sql);
    Result<int> step_all(sqlite3_stmt* statement, bool bound, const std::function<Result<void>(Row&)>& take);
    /// What went wrong last: `internal`, whatever it was. A full disk or a broken constraint is no fault of
    /// whoever called the server.
    [[nodiscard]] Error error(std::string_view action) const;

    static bool bind_integer(sqlite3_stmt* statement, int index, std::int64_t value);
    static bool bind_text(sqlite3_stmt* statement, int index, std::string_view text);
    static bool bind_bytes(sqlite3_stmt* statement, int index, std::string_view bytes);

    template <class Value> static bool bind(sqlite3_stmt* statement, int index, const Value& value)
    {
        if constexpr (std::is_same_v<Value, Bytes>)
            return bind_bytes(statement, index, value.bytes);
        else if constexpr (std::is_enum_v<Value> || std::is_integral_v<Value>)
            return bind_integer(statement, index, static_cast<std::int64_t>(value));
        else
            return bind_text(statement, index, value);
    }

    std::function<void(int)> on_commit_; ///< Outlives the connection below.
    std::unique_ptr<sqlite3, Close> db_;
    std::map<std::string_view, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

} // namespace slipway::mothership::sqlite
