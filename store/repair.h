// Making anew what follows from the records: the indexes, the lanes, the counters.
#pragma once

#include "store/lmdb.h"
#include "store/records.h"

namespace mmgate {

/// Writes the databases waiting, due, lanes and submissions_by_time and the tally out of messages and submissions, and frees pieces that no message has, records of
/// events and submissions that do not verify, and recipients beyond a message's count. A damaged message is left as it is, with its content.
void repair(lmdb::WriteTxn& txn, records::Encoder& encoder);

}   // namespace mmgate
