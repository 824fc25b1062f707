// Reads of the store for phones' requests: on workers, many in one turn.
//
// A turn to a worker and back costs more than a read of a page that is in memory. So what is asked while all turns are taken goes together with the
// next one: alone it leaves at once, under load dozens share two wake-ups.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "daemon/loop/workers.h"

namespace mmgate::mm1 {

class Reads {
public:
    explicit Reads(Workers& workers) : workers_(workers) {}
    Reads(const Reads&) = delete;
    Reads& operator=(const Reads&) = delete;

    /// Runs `read` on a worker, and the task that it returns on the loop.
    void run(std::function<Task()> read);

private:
    void start();

    Workers& workers_;
    std::vector<std::function<Task()>> waiting_;
    std::size_t turns_ = 0;
};

}   // namespace mmgate::mm1
