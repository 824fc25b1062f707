// Whether new messages are taken: the operator may close the gateway to them before it is moved or stopped for long.
//
// What belongs to messages that are here already goes on: responses and reports come in, phones fetch, everything is delivered. On the loop only; forgotten
// with the process, so that a gateway that is started again works.
#pragma once

#include "mapping/result.h"

namespace mmgate {

class Admission {
public:
    void close() { open_ = false; }
    void open() { open_ = true; }
    bool is_open() const { return open_; }
    /// Fails: overloaded, which is temporary everywhere.
    Result<void> takes_new() const {
        if (open_) return {};
        return fail(Fault::overloaded, "the gateway is drained: it takes no new messages until mmq resume");
    }

private:
    bool open_ = true;
};

}   // namespace mmgate
