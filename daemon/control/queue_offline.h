// The store of a gateway that does not run, asked and changed by mmq itself: `mmq --offline`.
//
// The store belongs to one process: it cannot be opened while the gateway runs, and the gateway does not start meanwhile.
#pragma once

#include <memory>

#include "daemon/config.h"
#include "daemon/control/answers.h"
#include "daemon/control/queue_client.h"
#include "daemon/names.h"
#include "store/store.h"

namespace mmgate::control {

class OfflineQueue final : public Conversation {
public:
    OfflineQueue(std::unique_ptr<Store> store, const Config& config);
    tl::expected<End, Failure> ask(const Request& request, const std::function<bool(std::string_view)>& line, const std::function<bool(Bytes)>& octets, Bytes payload = {}) override;

private:
    /// Gives the lines that say what was changed, or why nothing was.
    Result<std::string> change(const Request& request, const std::vector<QueueId>& ids, std::uint64_t& count);

    std::unique_ptr<Store> store_;
    Names names_;
    Answers answers_;
};

}   // namespace mmgate::control
