# The Redis queue. Debian's hiredis has no TLS: its formatter and reader run over sockets of ours.
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
add_library(slipway_vela_queue STATIC)
add_library(slipway::vela_queue ALIAS slipway_vela_queue)
target_sources(slipway_vela_queue
  PRIVATE
    queue_element.cpp redis_address.cpp redis_connection.cpp redis_connection.h redis_lane.cpp redis_lane.h
    redis_list.cpp redis_list.h redis_queue.cpp redis_queue.h redis_reply.cpp redis_socket.cpp redis_socket.h
    redis_wait.h redis_waiters.cpp redis_waiters.h
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES queue.h redis_address.h redis_reply.h)
target_link_libraries(slipway_vela_queue
  PUBLIC slipway::common PkgConfig::HIREDIS PRIVATE slipway::crypto slipway::http_client OpenSSL::SSL OpenSSL::Crypto)
