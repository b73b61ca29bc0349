/* To be preloaded: a disk on which syncing fails with EIO from some time on.
 *
 *   FAKE_DISK_SYNCS  how many calls of fsync and fdatasync, both counted together in each process, succeed
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int calls;

static int sync_by(long number, int file) {
    const char *good = getenv("FAKE_DISK_SYNCS");
    if (good && __atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST) >= atoi(good)) {
        errno = EIO;
        return -1;
    }
    return syscall(number, file);
}

int fsync(int file) { return sync_by(SYS_fsync, file); }
int fdatasync(int file) { return sync_by(SYS_fdatasync, file); }
