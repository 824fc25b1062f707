// The directory a store lives in: made when missing, on a local disk, and ours alone.
#pragma once

#include <cstdint>
#include <string>

#include "mapping/result.h"

namespace mmgate {

/// An open file descriptor.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

class Directory {
public:
    /// Takes the directory for this process until the value dies; it is made, for its owner only, when its parent is there.
    /// Fails: storage_failed when another process has it, when it lies on a remote file system (LMDB's locks and maps do not work there),
    /// when it cannot be made or read.
    static Result<Directory> take(const std::string& path);

    const std::string& path() const { return path_; }
    /// What an ordinary user may still write.
    std::uint64_t free_bytes() const;
    /// Makes names created or removed in it durable.
    void sync() const;

private:
    std::string path_;
    Descriptor directory_;
    Descriptor lock_;
};

}   // namespace mmgate
