/*
 * Records what a process does to one SQLite database, in order, and makes calls fail on demand.
 *
 * To be preloaded (LD_PRELOAD). The environment says what to watch:
 *   DISK_DATABASE   absolute path of the database; also watched are its -wal and -journal, and
 *                   the folder. The -shm file is not: it need not survive anything.
 *   DISK_RECORDING  file that gets one record per call, appended, so that other processes may
 *                   append records of their own; its layout is in recording.py.
 * A call and its record are made under one lock, so the order of the records is that of the calls.
 * Everything goes straight to the kernel: no function of libc that could come back here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 65536

struct __attribute__((packed)) header {
    char call;
    uint32_t file;
    uint64_t offset;
    uint32_t size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *database;
static int recording = -1;
static uint32_t files;      /* opened so far; each open gets the next number */
static uint32_t opened[FDS]; /* by descriptor; 0: not watched */

/* What is to fail: the nth call of a kind from now on, and those that follow it. */
static char failing;
static int until_failure, failures_left, failure, failed;

void disk_fail(char call, int error, int nth, int times)
{
    pthread_mutex_lock(&lock);
    failing = call, until_failure = nth, failure = error, failures_left = times, failed = 0;
    pthread_mutex_unlock(&lock);
}

int disk_failed(void) { return failed; }

static int fails(char call)
{
    if (call != failing || failures_left == 0 || --until_failure > 0)
        return 0;
    failures_left--;
    failed++;
    errno = failure;
    return 1;
}

/* From now on watch this database; none may be open. */
void disk_watch(const char *path, const char *recording_path)
{
    pthread_mutex_lock(&lock);
    database = strdup(path);
    files = 0;
    if (recording >= 0)
        syscall(SYS_close, recording);
    recording = syscall(SYS_openat, AT_FDCWD, recording_path,
                        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void begin(void)
{
    if (getenv("DISK_RECORDING") != NULL && getenv("DISK_DATABASE") != NULL)
        disk_watch(getenv("DISK_DATABASE"), getenv("DISK_RECORDING"));
}

static void record(char call, uint32_t file, uint64_t offset, const void *data, size_t size)
{
    struct header header = {call, file, offset, data == NULL ? 0 : size};
    struct iovec parts[] = {{&header, sizeof header}, {(void *)data, header.size}};
    int error = errno;
    ssize_t written = syscall(SYS_writev, recording, parts, 2);
    if (written != (ssize_t)(sizeof header + header.size))
        abort(); /* half a recording proves nothing */
    errno = error;
}

/* "", "-wal" or "-journal" of the database, "/" for its folder; NULL for any other path. */
static const char *watched(const char *path)
{
    size_t length;
    if (recording < 0 || path == NULL)
        return NULL;
    length = strlen(database);
    if (strncmp(path, database, length) == 0) {
        const char *suffix = path + length;
        int is_ours = !*suffix || !strcmp(suffix, "-wal") || !strcmp(suffix, "-journal");
        return is_ours ? suffix : NULL;
    }
    length = strrchr(database, '/') - database;
    return strlen(path) == length && strncmp(path, database, length) == 0 ? "/" : NULL;
}

static uint32_t file_of(int fd)
{
    return fd >= 0 && fd < FDS ? __atomic_load_n(&opened[fd], __ATOMIC_ACQUIRE) : 0;
}

static int open_watched(const char *path, int flags, mode_t mode)
{
    const char *name = watched(path);
    int fd;
    if (name == NULL)
        return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    pthread_mutex_lock(&lock);
    fd = fails('O') ? -1 : syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd >= FDS)
        abort();
    if (fd >= 0) {
        opened[fd] = ++files;
        record('O', files, 0, name, strlen(name));
        if (flags & O_TRUNC)
            record('T', files, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPEN(name)                                          \
    int name(const char *path, int flags, ...)              \
    {                                                       \
        mode_t mode = 0;                                    \
        if (flags & (O_CREAT | O_TMPFILE)) {                \
            va_list rest;                                   \
            va_start(rest, flags);                          \
            mode = va_arg(rest, int);                       \
            va_end(rest);                                   \
        }                                                   \
        return open_watched(path, flags, mode);             \
    }
OPEN(open)
OPEN(open64)

int close(int fd)
{
    if (file_of(fd))
        opened[fd] = 0;
    return syscall(SYS_close, fd);
}

/* A call that fails has written half: that is what may be there after an error. */
static ssize_t write_watched(uint32_t file, int fd, const void *data, size_t size, off_t offset)
{
    ssize_t written;
    int has_failed, error;
    pthread_mutex_lock(&lock);
    has_failed = fails('W');
    error = errno;
    written = syscall(SYS_pwrite64, fd, data, has_failed ? size / 2 : size, offset);
    if (written > 0)
        record('W', file, offset, data, written);
    pthread_mutex_unlock(&lock);
    if (!has_failed)
        return written;
    errno = error;
    return -1;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    uint32_t file = file_of(fd);
    return file ? write_watched(file, fd, data, size, offset)
                : syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return pwrite(fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size)
{
    uint32_t file = file_of(fd);
    ssize_t written;
    if (!file)
        return syscall(SYS_write, fd, data, size);
    written = write_watched(file, fd, data, size, lseek(fd, 0, SEEK_CUR));
    if (written > 0)
        lseek(fd, written, SEEK_CUR);
    return written;
}

int ftruncate(int fd, off_t size)
{
    uint32_t file = file_of(fd);
    int result = -1;
    if (!file)
        return syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    if (!fails('T'))
        result = syscall(SYS_ftruncate, fd, size);
    if (result == 0)
        record('T', file, size, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

static int sync_watched(long number, int fd)
{
    uint32_t file = file_of(fd);
    int result = -1;
    if (!file)
        return syscall(number, fd);
    pthread_mutex_lock(&lock);
    if (!fails('S'))
        result = syscall(number, fd);
    record(result == 0 ? 'S' : 'F', file, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int fd) { return sync_watched(SYS_fsync, fd); }

int fdatasync(int fd) { return sync_watched(SYS_fdatasync, fd); }

int unlink(const char *path)
{
    const char *name = watched(path);
    int result = -1;
    if (name == NULL)
        return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&lock);
    if (!fails('U'))
        result = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (result == 0)
        record('U', 0, 0, name, strlen(name));
    pthread_mutex_unlock(&lock);
    return result;
}
