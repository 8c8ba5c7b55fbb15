/* A program without Go whose threads show whether a debugger did them harm.

   held threads     four threads count; others wait in the kernel, and count each wait that was cut short
   held makers      threads that live for microseconds are made all the time
   held headless    the first thread ends, the others go on

   Every 20 ms a line: ticks, signals of SIGRTMIN, the sum of what they carried, waits cut short. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile long ticks, short_waits;
static volatile sig_atomic_t signals;
static volatile long carried;
static int nothing[2];

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    __atomic_add_fetch(&signals, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&carried, info->si_value.sival_int, __ATOMIC_SEQ_CST);
}

static void only_for(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    pthread_sigmask(how, &set, NULL);
}

static void *counts(void *argument)
{
    for (;;)
        __atomic_add_fetch(&ticks, 1, __ATOMIC_SEQ_CST);
    return argument;
}

static void *waits(void *argument)
{
    char byte;
    only_for(SIG_BLOCK);
    for (;;) {
        long failed = argument ? read(nothing[0], &byte, 1) : poll(&(struct pollfd){nothing[0], POLLIN, 0}, 1, 100);
        if (failed < 0)
            __atomic_add_fetch(&short_waits, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static void *passes(void *argument)
{
    __atomic_add_fetch(&ticks, 1, __ATOMIC_SEQ_CST);
    return argument;
}

static void *makes(void *argument)
{
    pthread_t made;
    for (;;)
        if (pthread_create(&made, NULL, passes, NULL) == 0)
            pthread_detach(made);
    return argument;
}

static void *tells(void *argument)
{
    only_for(SIG_BLOCK);
    for (;;) {
        struct timespec left = {0, 20000000};
        if (nanosleep(&left, &left) != 0)
            __atomic_add_fetch(&short_waits, 1, __ATOMIC_SEQ_CST);
        printf("%ld %d %ld %ld\n", ticks, (int)signals, carried, short_waits);
        fflush(stdout);
    }
    return argument;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "threads";
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    pthread_t made;
    sigaction(SIGRTMIN, &action, NULL);
    if (pipe(nothing) != 0)
        return 1;
    for (int i = 0; i < 4; i++)
        pthread_create(&made, NULL, strcmp(mode, "makers") == 0 && i < 2 ? makes : counts, NULL);
    pthread_create(&made, NULL, waits, NULL);
    pthread_create(&made, NULL, waits, &made);
    pthread_create(&made, NULL, tells, NULL);
    if (strcmp(mode, "headless") == 0)
        pthread_exit(NULL);
    for (;;)
        pause();
}
