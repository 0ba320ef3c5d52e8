#include "mothership/store/sqlite.h"

#include <utility>

namespace slipway::mothership::sqlite {

namespace {

constexpr int kBusyTimeoutMs = 5000;

} // namespace

std::int64_t Row::integer() { return sqlite3_column_int64(statement_, column_++); }

std::string Row::text()
{
    const int column = column_++;
    const void* data = sqlite3_column_blob(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return data ? std::string{static_cast<const char*>(data), size} : std::string{};
}

Result<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& path, Access access)
{
    std::unique_ptr<Connection> connection{new Connection};
    const int flags = SQLITE_OPEN_READWRITE | (access == Access::make ? SQLITE_OPEN_CREATE : 0);
    sqlite3* db = nullptr;
    const int result = sqlite3_open_v2(path.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    connection->db_.reset(db);
    if (result != SQLITE_OK)
        return connection->error("opening " + path.string());
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, kBusyTimeoutMs);
    std::string pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;";
    if (access == Access::read)
        pragmas += "PRAGMA query_only=ON;";
    SLIPWAY_TRY(in("opening " + path.string(), connection->execute(pragmas)));
    return connection;
}

Result<void> Connection::execute(const std::string& script)
{
    if (sqlite3_exec(db_.get(), script.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        return error("database");
    return {};
}

void Connection::on_commit(std::function<void(int)> call)
{
    on_commit_ = std::move(call);
    sqlite3_wal_hook(
        db_.get(),
        +[](void* self, sqlite3*, const char*, int pages) {
            if (const auto& told = static_cast<Connection*>(self)->on_commit_)
                told(pages);
            return SQLITE_OK;
        },
        this);
}

void Connection::checkpoint()
{
    (void)sqlite3_wal_checkpoint_v2(db_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

Result<sqlite3_stmt*> Connection::prepare(std::string_view sql)
{
    if (const auto known = statements_.find(sql); known != statements_.end())
        return known->second.get();
    sqlite3_stmt* statement = nullptr;
    const int result = sqlite3_prepare_v3(
        db_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (result != SQLITE_OK)
        return error("database");
    statements_.emplace(sql, statement);
    return statement;
}

Result<int> Connection::step_all(
    sqlite3_stmt* statement, bool bound, const std::function<Result<void>(Row&)>& take)
{
    struct Reset {
        sqlite3_stmt* statement;

        ~Reset()
        {
            sqlite3_reset(statement);
            sqlite3_clear_bindings(statement);
        }
    } const reset{statement};

    if (!bound)
        return error("database: binding a value");
    for (;;) {
        const int result = sqlite3_step(statement);
        if (result == SQLITE_DONE)
            return sqlite3_changes(db_.get());
        if (result != SQLITE_ROW)
            return error("database");
        Row row{statement};
        SLIPWAY_TRY(take(row));
    }
}

Error Connection::error(std::string_view action) const
{
    const char* text = db_ ? sqlite3_errmsg(db_.get()) : "out of memory";
    return {Errc::internal, std::string{action} + ": " + text};
}

bool Connection::bind_integer(sqlite3_stmt* statement, int index, std::int64_t value)
{
    return sqlite3_bind_int64(statement, index, value) == SQLITE_OK;
}

bool Connection::bind_text(sqlite3_stmt* statement, int index, std::string_view text)
{
    const char* data = text.empty() ? "" : text.data();
    return sqlite3_bind_text64(statement, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
}

bool Connection::bind_bytes(sqlite3_stmt* statement, int index, std::string_view bytes)
{
    const char* data = bytes.empty() ? "" : bytes.data();
    return sqlite3_bind_blob64(statement, index, data, bytes.size(), SQLITE_STATIC) == SQLITE_OK;
}

} // namespace slipway::mothership::sqlite
