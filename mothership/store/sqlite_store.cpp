#include "mothership/store/sqlite_store.h"

#include "mothership/store/checkpointer.h"
#include "mothership/store/schema.h"
#include "mothership/store/sqlite_transaction.h"

#include <mutex>

namespace slipway::mothership {

namespace {

constexpr int kMaxTries = 5;

/// One connection that writes, one that reads, and one that copies the log: in WAL mode none waits for
/// another.
class SqliteStore final : public Store {
public:
    SqliteStore(std::unique_ptr<sqlite::Connection> writer, std::unique_ptr<sqlite::Connection> reader,
        std::unique_ptr<sqlite::Checkpointer> checkpointer)
        : writer_{std::move(writer)}
        , reader_{std::move(reader)}
        , checkpointer_{std::move(checkpointer)}
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
    /// Undoes what was not committed, also when the body throws.
    struct Open {
        sqlite::Connection& connection;
        bool committed = false;

        ~Open()
        {
            if (!committed)
                (void)connection.execute("ROLLBACK"); // the failure that is reported is the first one
        }
    };

    static Result<void> transact(
        sqlite::Connection& connection, const char* begin, const Body& body, bool& lost_race)
    {
        SLIPWAY_TRY(connection.execute(begin));
        Open open{connection};
        sqlite::SqliteTransaction transaction{connection};
        auto done = body(transaction);
        lost_race = transaction.lost_race();
        if (done && !lost_race)
            done = connection.execute("COMMIT");
        else if (done)
            done = Error{Errc::conflict, "the record was changed meanwhile: try again"};
        open.committed = done.has_value();
        return done;
    }

    std::mutex write_mutex_;
    std::mutex read_mutex_;
    std::unique_ptr<sqlite::Connection> writer_;
    std::unique_ptr<sqlite::Connection> reader_;
    std::unique_ptr<sqlite::Checkpointer> checkpointer_; ///< Last: it uses the writer.
};

Result<std::unique_ptr<Store>> migrated(
    const std::filesystem::path& path, std::unique_ptr<sqlite::Connection> writer)
{
    SLIPWAY_TRY(in(path.string(), sqlite::migrate(*writer, sqlite::migrations())));
    auto reader = SLIPWAY_TRY(sqlite::Connection::open(path, sqlite::Connection::Access::read));
    auto checkpointer = SLIPWAY_TRY(sqlite::Checkpointer::start(path, *writer));
    return std::unique_ptr<Store>{
        std::make_unique<SqliteStore>(std::move(writer), std::move(reader), std::move(checkpointer))};
}

} // namespace

Result<std::unique_ptr<Store>> make_sqlite_store(const std::filesystem::path& path)
{
    return migrated(path, SLIPWAY_TRY(sqlite::Connection::open(path, sqlite::Connection::Access::make)));
}

Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& path)
{
    std::error_code failure;
    const auto size = std::filesystem::file_size(path, failure);
    if (failure && failure != std::errc::no_such_file_or_directory)
        return Error{Errc::internal, path.string() + ": " + failure.message()};
    if (failure || size == 0)
        return Error{Errc::not_found,
            path.string() + (failure ? " is missing" : " is empty")
                + ": restore it from a backup, or make a new directory with slipway-mothership init"};
    return migrated(path, SLIPWAY_TRY(sqlite::Connection::open(path, sqlite::Connection::Access::write)));
}

} // namespace slipway::mothership
