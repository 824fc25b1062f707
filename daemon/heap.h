// The C library's heap, told how a gateway uses memory: messages come and go by the hundred kilobytes.
//
// Left alone, glibc hands each freed message back to the kernel and takes the next one from it page by page; half of a retrieval's time went there.
#pragma once

namespace mmgate {

/// Keeps what is freed for the next message, up to some tens of megabytes. To be called once, before threads are started.
void keep_freed_memory();

/// Hands back to the kernel what is free. Takes milliseconds on a large heap: for a worker, at a quiet time.
void give_back_freed_memory();

}   // namespace mmgate
