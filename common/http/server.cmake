# The HTTP server. Asio is compiled in three files and Beast in one: each costs seconds.
add_library(slipway_http_server STATIC)
add_library(slipway::http_server ALIAS slipway_http_server)
target_sources(slipway_http_server
  PRIVATE
    http_server.cpp reply.cpp request.cpp router.cpp server_connection.cpp server_exchange.cpp server_parser.cpp
    server_reply_head.cpp server_topics.cpp server_transport.cpp
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES
    http_server.h reply.h request.h router.h server_topics.h)
target_link_libraries(slipway_http_server
  PUBLIC slipway::common
  PRIVATE OpenSSL::SSL OpenSSL::Crypto Boost::boost Threads::Threads)
# Boost 1.74 does not know clang's coroutines.
target_compile_definitions(slipway_http_server PRIVATE $<$<CXX_COMPILER_ID:Clang>:BOOST_ASIO_HAS_CO_AWAIT=1>)
# GCC's ThreadSanitizer does not see Asio's fences, which come on top of its mutexes.
if(SLIPWAY_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(slipway_http_server PRIVATE -Wno-tsan)
endif()
