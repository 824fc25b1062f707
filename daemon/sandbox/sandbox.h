// Closes every door that the gateway does not use, so that whoever takes it over gets little: first the files, then the system calls.
//
//   confine_files   before the first thread: it holds for the calling thread and for those that it starts
//   confine_calls   when all is open: it holds for all threads at once
//
// Both are for ever. systemd's own filters stand in front of them; these hold wherever the gateway is started. A kernel that cannot is
// told to the operator, and the gateway runs on. In builds with sanitizers both do nothing: those programs do what is forbidden here.
// Source: landlock(7), seccomp(2).
#pragma once

#include <string>
#include <vector>

#include "daemon/config.h"
#include "mapping/result.h"

namespace mmgate::sandbox {

/// What may still be reached in the file system, each with all beneath it. What does not exist is passed over.
struct Reach {
    std::vector<std::string> write;   // folders
    std::vector<std::string> read;    // folders and files
    std::vector<std::string> files;   // folders of which files may be read, and no list
};
/// The state directory and the control socket's folder to write in; to read, what a reload and libraries read: the folders of the
/// configuration and of certificates, credentials, /usr, and the files of /etc.
Reach reach_of(const Config& config, const std::string& config_file);

/// What a step has done, for the log: "landlock-7".
using Done = Result<std::string>;

/// No privilege can be gained any more, and the file system ends at `reach`. Fails: internal, when the kernel has no Landlock.
Done confine_files(const Reach& reach);
/// System calls that are not named in calls.cpp fail with EPERM; those that only an attacker makes (exec, fork, ptrace, mount, ...) end the process.
/// Fails: internal, when the kernel has no seccomp.
Done confine_calls();

}   // namespace mmgate::sandbox
