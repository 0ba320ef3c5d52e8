# Reads the headers that nearly every file includes once for all: a third of the time of a whole build. Not with ccache, which
# keeps little of what was compiled so, and a build with ccache tells of the includes that a file has forgotten. And not where
# GCC optimizes: it then warns of what it sees in these headers.

if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_BUILD_TYPE STREQUAL Debug AND NOT CCACHE)
  set(can_precompile ON)
else()
  set(can_precompile OFF)
endif()
option(SLIPWAY_PRECOMPILE "Precompile headers of the standard library and of Catch2" ${can_precompile})

set(SLIPWAY_STANDARD_HEADERS
  <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <deque> <filesystem> <functional> <map> <memory>
  <mutex> <optional> <set> <span> <stop_token> <string> <string_view> <thread> <utility> <variant> <vector>)

# slipway_precompiled(target HEADERS…): the headers, as slipway_precompile takes them.
function(slipway_precompiled target)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp "")
  add_library(${target} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp)
  target_link_libraries(${target} PRIVATE slipway::options)
  target_precompile_headers(${target} PRIVATE ${ARGN})
endfunction()

# slipway_precompile(directory precompiled): all targets of ours in a directory and below it. What is built with flags of its
# own is left out, since these have to be the same.
function(slipway_precompile directory precompiled)
  get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type MATCHES "EXECUTABLE|STATIC_LIBRARY" AND NOT target MATCHES "^slot-init|^slipway_model$|^attacker$|^slipway_catch_main$")
      target_precompile_headers(${target} REUSE_FROM ${precompiled})
    endif()
  endforeach()
  get_property(below DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
  foreach(one IN LISTS below)
    slipway_precompile(${one} ${precompiled})
  endforeach()
endfunction()
