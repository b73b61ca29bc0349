/* To be preloaded: a wall clock that is set anew before every look at it, by up to ten years, forth and back.
 *
 *   FAKE_CLOCK_LOOKS  a file that grows by a byte with each look
 *
 * The monotonic clocks are left as they are.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { TEN_YEARS = 315360000 };

static int is_wall(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

static time_t jump(void) {
    static unsigned state = 1;
    const char *path = getenv("FAKE_CLOCK_LOOKS");
    int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (file >= 0) {
        if (write(file, ".", 1) != 1) abort();
        close(file);
    }
    state = state * 1664525 + 1013904223;
    return (time_t)(state >> 2) % (2 * TEN_YEARS) - TEN_YEARS;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (!result && is_wall(clock)) now->tv_sec += jump();
    return result;
}

time_t time(time_t *also) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (also) *also = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    *now = (struct timeval){exact.tv_sec, exact.tv_nsec / 1000};
    return 0;
}
