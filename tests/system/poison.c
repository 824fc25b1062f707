/* Preloaded into a gateway: it dies when it sends octets that hold a subject, as a message would have it that meets a bug. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

ssize_t writev(int fd, const struct iovec* pieces, int count) {
    static const char pill[] = "Subject: poison";
    static ssize_t (*next)(int, const struct iovec*, int);
    if (!next) *(void**)&next = dlsym(RTLD_NEXT, "writev");
    for (int i = 0; i < count; ++i)
        if (memmem(pieces[i].iov_base, pieces[i].iov_len, pill, sizeof pill - 1)) abort();
    return next(fd, pieces, count);
}
