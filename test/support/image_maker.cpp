#include "test/support/image_maker.h"

#include "common/file.h"
#include "test/support/temp_dir.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace slipway::test {

namespace {

template <class T> T must(Result<T> result)
{
    if (!result)
        throw std::runtime_error{result.error().message()};
    return *std::move(result);
}

/// A tar file with the root of a busybox system; its begin is the file's begin.
UniqueFd busybox_tar(const TempDir& work)
{
    // Links within the archive cost nothing; `busybox --list` names itself, too.
    const std::string script = "set -e; cd '" + work.path().string()
        + "'; mkdir -p root/bin root/tmp root/etc; chmod 1777 root/tmp; cp /bin/busybox root/bin/;"
          "for name in $(busybox --list); do [ $name = busybox ] || ln root/bin/busybox root/bin/$name; done;"
          "echo 'root:x:0:0:root:/:/bin/sh' > root/etc/passwd;"
          "tar -C root --owner=0 --group=0 -cf image.tar .";
    const int status
        = std::system(script.c_str()); // NOLINT(concurrency-mt-unsafe): no other thread sets handlers
    if (status != 0)
        throw std::runtime_error{"making the root of a busybox image failed"};
    return must(open_file(work.path() / "image.tar", O_RDONLY));
}

} // namespace

ImageMaker::ImageMaker(const docker::Engine& engine)
    : docker_{must(docker::Docker::open(engine))}
{
}

ImageMaker::~ImageMaker()
{
    for (const std::string& name : names_) {
        if (const auto removed = docker_.remove_image(name, {}); !removed)
            std::cerr << "image " << name << " is left behind: " << removed.error().message() << '\n';
    }
}

std::string ImageMaker::busybox(const std::vector<std::string>& changes)
{
    static std::atomic<int> count{0};
    const TempDir work;
    const UniqueFd tar = busybox_tar(work);
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    docker::ImportSpec spec;
    spec.repository = "slipway-test/busybox-" + std::to_string(::getpid()) + "-" + std::to_string(now);
    spec.tag = std::to_string(++count);
    spec.changes = {"ENV PATH=/bin"};
    spec.changes.insert(spec.changes.end(), changes.begin(), changes.end());
    must(docker_.import_image(spec, tar.get(), {}));
    return names_.emplace_back(spec.repository + ":" + spec.tag);
}

} // namespace slipway::test
