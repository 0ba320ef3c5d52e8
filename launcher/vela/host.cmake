# The Docker side of builds, their logs and what is known of them on disk.
add_library(slipway_vela_host STATIC)
add_library(slipway::vela_host ALIAS slipway_vela_host)
target_sources(slipway_vela_host
  PRIVATE
    build_host.cpp build_images.cpp build_images.h build_journal.cpp build_kits.cpp build_places.cpp container_spec.cpp container_spec.h build_log.cpp journal_records.cpp journal_records.h log_body.cpp log_body.h log_mask.cpp log_mask.h nameless_file.cpp nameless_file.h shipped_log.cpp
    shipped_log.h
  PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES build_host.h build_journal.h build_kits.h build_places.h build_log.h)
target_link_libraries(slipway_vela_host PUBLIC slipway::engine)
