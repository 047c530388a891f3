// Stands between a process and the system, by LD_PRELOAD: lets chosen calls fail, as a control file
// says (its path in FAULTY_CONTROL), so that each schedule of failures can be made again.
//
// The control file is an array of uint32: armed, classes of calls (bits), errno, calls that still
// succeed, calls that then fail, calls that have failed so far.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, READ = 4, OPEN = 8, ACCEPT = 16, SOCKET = 32, CONNECT = 64, TALK = 128,
       SIZE = 256, MAP = 512 };

struct control { _Atomic uint32_t armed, classes, error, skip, count, failed; };

static struct control *control;

__attribute__((constructor)) static void attach(void) {
    const char *path = getenv("FAULTY_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED) control = at;
}

// Takes one from a counter that is not 0.
static int take(_Atomic uint32_t *counter) {
    uint32_t now = atomic_load(counter);
    while (now > 0)
        if (atomic_compare_exchange_weak(counter, &now, now - 1)) return 1;
    return 0;
}

static int fails(uint32_t class) {
    if (!control || !atomic_load(&control->armed)) return 0;
    if (!(atomic_load(&control->classes) & class)) return 0;
    if (take(&control->skip) || !take(&control->count)) return 0;
    atomic_fetch_add(&control->failed, 1);
    errno = (int)atomic_load(&control->error);
    return 1;
}

static int is(int fd, mode_t kind) {
    struct stat about;
    int before = errno, found = fstat(fd, &about) == 0 && (about.st_mode & S_IFMT) == kind;
    errno = before;
    return found;
}

static int file_fails(int fd, uint32_t class) {
    return control && atomic_load(&control->armed) && is(fd, S_IFREG) && fails(class);
}

static int talk_fails(int fd) {
    return control && atomic_load(&control->armed) && is(fd, S_IFSOCK) && fails(TALK);
}

#define NEXT(name) __typeof__(&name) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

// A disk that fills up takes the beginning of what is written.
static size_t some(size_t length) {
    int full = errno == ENOSPC || errno == EDQUOT;
    return full && length > 1 ? length / 2 : 0;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    NEXT(write);
    if (talk_fails(fd)) return -1;
    if (!file_fails(fd, WRITE)) return next(fd, bytes, length);
    size_t part = some(length);
    return part ? next(fd, bytes, part) : -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    NEXT(pwrite);
    if (!file_fails(fd, WRITE)) return next(fd, bytes, length, at);
    size_t part = some(length);
    return part ? next(fd, bytes, part, at) : -1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    NEXT(pwrite64);
    if (!file_fails(fd, WRITE)) return next(fd, bytes, length, at);
    size_t part = some(length);
    return part ? next(fd, bytes, part, at) : -1;
}

ssize_t read(int fd, void *bytes, size_t length) {
    NEXT(read);
    return talk_fails(fd) || file_fails(fd, READ) ? -1 : next(fd, bytes, length);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t at) {
    NEXT(pread);
    return file_fails(fd, READ) ? -1 : next(fd, bytes, length, at);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t at) {
    NEXT(pread64);
    return file_fails(fd, READ) ? -1 : next(fd, bytes, length, at);
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    NEXT(writev);
    return talk_fails(fd) ? -1 : next(fd, pieces, count);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    NEXT(send);
    return talk_fails(fd) ? -1 : next(fd, bytes, length, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    NEXT(sendmsg);
    return talk_fails(fd) ? -1 : next(fd, message, flags);
}

ssize_t recv(int fd, void *bytes, size_t length, int flags) {
    NEXT(recv);
    return talk_fails(fd) ? -1 : next(fd, bytes, length, flags);
}

int fsync(int fd) {
    NEXT(fsync);
    return file_fails(fd, SYNC) ? -1 : next(fd);
}

int fdatasync(int fd) {
    NEXT(fdatasync);
    return file_fails(fd, SYNC) ? -1 : next(fd);
}

int ftruncate(int fd, off_t length) {
    NEXT(ftruncate);
    return file_fails(fd, SIZE) ? -1 : next(fd, length);
}

int ftruncate64(int fd, off64_t length) {
    NEXT(ftruncate64);
    return file_fails(fd, SIZE) ? -1 : next(fd, length);
}

int open(const char *path, int flags, ...) {
    NEXT(open);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return fails(OPEN) ? -1 : next(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    NEXT(open64);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return fails(OPEN) ? -1 : next(path, flags, mode);
}

void *mmap(void *near, size_t length, int protection, int flags, int fd, off_t at) {
    NEXT(mmap);
    if (fd >= 0 && file_fails(fd, MAP)) return MAP_FAILED;
    return next(near, length, protection, flags, fd, at);
}

void *mmap64(void *near, size_t length, int protection, int flags, int fd, off64_t at) {
    NEXT(mmap64);
    if (fd >= 0 && file_fails(fd, MAP)) return MAP_FAILED;
    return next(near, length, protection, flags, fd, at);
}

int accept4(int fd, struct sockaddr *peer, socklen_t *length, int flags) {
    NEXT(accept4);
    return fails(ACCEPT) ? -1 : next(fd, peer, length, flags);
}

int socket(int domain, int type, int protocol) {
    NEXT(socket);
    return fails(SOCKET) ? -1 : next(domain, type, protocol);
}

int connect(int fd, const struct sockaddr *peer, socklen_t length) {
    NEXT(connect);
    return fails(CONNECT) ? -1 : next(fd, peer, length);
}
