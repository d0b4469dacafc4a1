/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/io_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_us(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t); /* cannot fail for these */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

int64_t now_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

void sleep_us(int64_t us)
{
    const struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    if (us > 0)
        (void)nanosleep(&t, NULL); /* woken early: the caller looks at the clock */
}

/* In the child: only calls that are safe after fork. */
static void become(const char *const argv[], int out_fd)
{
    const int null_fd = open("/dev/null", O_RDONLY);

    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0)
        _exit(126);
    (void)execv(argv[0], (char *const *)(uintptr_t)argv); /* which does not change them */
    _exit(127);
}

pid_t process_start(const char *const argv[], const char *log)
{
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    if (fd < 0)
        return -1;
    const pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(fd, STDERR_FILENO);
        become(argv, fd);
    }
    (void)close(fd);
    return pid;
}

int process_wait(pid_t pid)
{
    int status = 0;

    if (pid <= 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int process_run(const char *const argv[], const char *log)
{
    return process_wait(process_start(argv, log));
}

int process_read(const char *const argv[], char *out, size_t size)
{
    int fds[2];
    size_t len = 0;
    ssize_t got = 1;
    char rest[4096];

    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    const pid_t pid = fork();
    if (pid == 0)
        become(argv, fds[1]);
    (void)close(fds[1]);
    while (pid > 0 && got > 0) {
        got = len + 1 < size ? read(fds[0], out + len, size - 1 - len)
                             : read(fds[0], rest, sizeof rest);
        if (got > 0 && len + 1 < size)
            len += (size_t)got;
    }
    out[len] = '\0';
    (void)close(fds[0]);
    return process_wait(pid);
}

void process_end(pid_t pid)
{
    int status;

    if (pid <= 0)
        return;
    (void)kill(pid, SIGTERM);
    for (int i = 0; i < 500; i++) {
        if (waitpid(pid, &status, WNOHANG) != 0)
            return;
        sleep_us(10000);
    }
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
}

double process_cpu_s(pid_t pid)
{
    struct timespec t;
    clockid_t clock;

    if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return -1;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double process_own_cpu_s(void)
{
    return (double)clock_us(CLOCK_PROCESS_CPUTIME_ID) / 1e6;
}

int64_t process_started_us(pid_t pid)
{
    char path[64];
    char line[1024];

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    const bool is_read = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    /* The name may hold anything, a parenthesis too; the 20th word after it is the start. */
    const char *at = is_read ? strrchr(line, ')') : NULL;
    for (int i = 0; at != NULL && i < 20; i++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return 0;
    const int64_t ticks = strtoll(at, NULL, 10);
    return now_wall_us() - clock_us(CLOCK_BOOTTIME) + ticks * (1000000 / sysconf(_SC_CLK_TCK));
}

double process_peak_mb(pid_t pid)
{
    char path[64];
    char line[256];
    double kb = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtod(line + 6, NULL);
    (void)fclose(file);
    return kb * 1024 / 1e6;
}

void process_reset_peak(pid_t pid)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)pid);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* then the peak is since its start */
    const ssize_t put = write(fd, "5", 1);
    (void)put; /* as above */
    (void)close(fd);
}
