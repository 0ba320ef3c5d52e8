include(host.cmake)
