#include "mothership/store/sqlite_store.h"

#include "mothership/store/schema.h"
#include "mothership/store/sqlite_transaction.h"

#include <mutex>

namespace slipway::mothership {

namespace {

constexpr int kMaxTries = 5;

/// One connection that writes and one that reads: in WAL mode neither waits for the other.
class SqliteStore final : public Store {
public:
    SqliteStore(std::unique_ptr<sqlite::Connection> writer, std::unique_ptr<sqlite::Connection> reader)
        : writer_{std::move(writer)}
        , reader_{std::move(reader)}
    {
    }

    Result<void> write(const Body& body) override
    {
        const std::lock_guard lock{write_mutex_};
        for (int tries = 1;; ++tries) {
            bool lost_race = false;
            auto done = transact(*writer_, "BEGIN IMMEDIATE", body, lost_race);
            if (done || !lost_race || tries == kMaxTries)
                return done;
        }
    }

    Result<void> read(const Body& body) override
    {
        const std::lock_guard lock{read_mutex_};
        bool lost_race = false;
        return transact(*reader_, "BEGIN", body, lost_race);
    }

private:
    static Result<void> transact(
        sqlite::Connection& connection, const char* begin, const Body& body, bool& lost_race)
    {
        SLIPWAY_TRY(connection.execute(begin));
        sqlite::SqliteTransaction transaction{connection};
        auto done = body(transaction);
        lost_race = transaction.lost_race();
        if (done && !lost_race)
            done = connection.execute("COMMIT");
        else if (done)
            done = Error{Errc::conflict, "the record was changed meanwhile: try again"};
        if (!done)
            (void)connection.execute("ROLLBACK"); // the failure that is reported is the first one
        return done;
    }

    std::mutex write_mutex_;
    std::mutex read_mutex_;
    std::unique_ptr<sqlite::Connection> writer_;
    std::unique_ptr<sqlite::Connection> reader_;
};

} // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& path)
{
    auto writer = SLIPWAY_TRY(sqlite::Connection::open(path, sqlite::Connection::Access::write));
    SLIPWAY_TRY(in(path.string(), sqlite::migrate(*writer, sqlite::migrations())));
    auto reader = SLIPWAY_TRY(sqlite::Connection::open(path, sqlite::Connection::Access::read));
    return std::unique_ptr<Store>{std::make_unique<SqliteStore>(std::move(writer), std::move(reader))};
}

} // namespace slipway::mothership
