/* SPDX-License-Identifier: MIT
 *
 * test_port.c: what port.h promises, and the last words of a program whose contract is broken.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "harness/test.h"

#include "port/port.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thetis/config.h>
#include <unistd.h>

enum { PORT_THREADS = 4 };

TEST(the_clock_never_goes_back)
{
    uint64_t before = tht_port_now();
    uint64_t start = before;
    for (size_t i = test_scale(1000000); i > 0; i--) {
        uint64_t now = tht_port_now();
        CHECK(now >= before);
        before = now;
    }
    CHECK(before > start);
}

/* Nanoseconds: a sleep that the system promises to be at least so long is so long by our clock. */
TEST(the_clock_counts_nanoseconds)
{
    uint64_t start = tht_port_now();
    CHECK_EQ(usleep(20000), 0);
    CHECK(tht_port_now() - start >= 20000000);
}

TEST(mapped_memory_is_zero_aligned_and_apart)
{
    static const size_t sizes[] = {1, 4096, 4097, 1 << 20};
    char *at[4];
    for (int i = 0; i < 4; i++) {
        at[i] = tht_port_map(sizes[i]);
        CHECK(at[i] != NULL);
        CHECK_EQ((uintptr_t)at[i] % THETIS_CACHE_LINE, 0);
        for (size_t k = 0; k < sizes[i]; k++) CHECK_EQ(at[i][k], 0);
        memset(at[i], 0xFF, sizes[i]);
    }
    for (int i = 0; i < 4; i++) tht_port_unmap(at[i], sizes[i]);
    tht_port_unmap(NULL, 17);
    CHECK(tht_port_map(SIZE_MAX & ~(tht_port_page() - 1)) == NULL);
}

TEST(discarded_pages_are_zero_again)
{
    size_t page = tht_port_page();
    char *at = tht_port_map(3 * page);
    CHECK(at != NULL);
    memset(at, 0xFF, 3 * page);
    tht_port_discard(at + page, page);
    for (size_t k = 0; k < 3 * page; k++)
        CHECK_EQ(at[k] == 0, k >= page && k < 2 * page);
    tht_port_unmap(at, 3 * page);
}

TEST(unmapping_what_was_not_mapped_aborts)
{
    tht_port_unmap((char *)tht_port_map(1) + 1, 1);
}

/* What is written through one view is read through the other; the bytes before are apart. */
TEST(a_mirror_shows_its_bytes_twice)
{
    size_t page = tht_port_page();
    CHECK(page >= 4096 && (page & (page - 1)) == 0);
    for (size_t before = page; before <= 2 * page; before += page) {
        for (size_t bytes = page; bytes <= 4 * page; bytes *= 2) {
            volatile char *at = tht_port_mirror(before, bytes);
            if (!at) SKIP_ENVIRONMENT("no mirrored memory");
            for (size_t k = 0; k < before + 2 * bytes; k++) CHECK_EQ(at[k], 0);
            for (size_t k = 0; k < before + bytes; k++) at[k] = (char)(k * 7 + k / page + 1);
            for (size_t k = before; k < before + bytes; k++) CHECK_EQ(at[k + bytes], at[k]);
            at[before + 2 * bytes - 1] = 99;
            CHECK_EQ(at[before + bytes - 1], 99);
            CHECK_EQ(at[0], 1);
            tht_port_unmap((void *)(uintptr_t)at, before + 2 * bytes);
        }
    }
    CHECK(tht_port_mirror(page, SIZE_MAX / 2 & ~(page - 1)) == NULL);
}

TEST(masked_sections_nest)
{
    uintptr_t outer = tht_port_mask();
    uintptr_t inner = tht_port_mask();
    tht_port_unmask(inner);
    tht_port_unmask(outer);
}

/* ---- entropy --------------------------------------------------------------------------------- */

typedef enum port_source { PORT_PLENTY, PORT_LITTLE, PORT_NOTHING } port_source;

static port_source port_random_source;

/* Stands before that of the C library: can be slow and interrupted, or have nothing yet. */
ssize_t getrandom(void *out, size_t len, unsigned flags)
{
    static unsigned calls;
    if (port_random_source == PORT_PLENTY) return syscall(SYS_getrandom, out, len, flags);
    errno = port_random_source == PORT_NOTHING ? EAGAIN : EINTR;
    if (port_random_source == PORT_NOTHING || calls++ % 2 == 0) return -1;
    return syscall(SYS_getrandom, out, len < 7 ? len : 7, flags);
}

static void port_check_entropy(void)
{
    static unsigned char a[3000], b[3000];
    unsigned missing = 256;
    CHECK_EQ(tht_port_entropy(a, sizeof a), 0);
    CHECK_EQ(tht_port_entropy(b, sizeof b), 0);
    CHECK(memcmp(a, b, 16) != 0);
    CHECK(memcmp(a + sizeof a - 16, b + sizeof b - 16, 16) != 0);
    for (unsigned byte = 0; byte < 256; byte++) missing -= memchr(a, (int)byte, sizeof a) != NULL;
    CHECK(missing < 20); /* one value is missing with chance e^-11.7 */
    CHECK_EQ(tht_port_entropy(a, 0), 0);
}

TEST(entropy_differs_and_fills_everything)
{
    port_check_entropy();
}

TEST(entropy_that_comes_in_pieces_fills_everything)
{
    port_random_source = PORT_LITTLE;
    port_check_entropy();
}

TEST(no_entropy_is_said)
{
    char byte;
    port_random_source = PORT_NOTHING;
    CHECK_EQ(tht_port_entropy(&byte, 1), -1);
}

/* ---- threads --------------------------------------------------------------------------------- */

static pthread_barrier_t port_all_alive;

static void *port_self_body(void *out)
{
    uintptr_t self = tht_port_self();
    *(uintptr_t *)out = self;
    pthread_barrier_wait(&port_all_alive);
    tht_port_yield();
    CHECK_EQ(tht_port_self(), self);
    return NULL;
}

TEST(threads_have_different_numbers)
{
    pthread_t threads[PORT_THREADS];
    uintptr_t self[PORT_THREADS + 1];
    self[PORT_THREADS] = tht_port_self();
    pthread_barrier_init(&port_all_alive, NULL, PORT_THREADS);
    for (int i = 0; i < PORT_THREADS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, port_self_body, &self[i]), 0);
    }
    for (int i = 0; i < PORT_THREADS; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i <= PORT_THREADS; i++) {
        CHECK(self[i] != 0);
        for (int j = 0; j < i; j++) CHECK(self[i] != self[j]);
    }
}

TEST(there_are_processors)
{
    CHECK(tht_port_cpus() >= 1);
    CHECK(tht_port_cpus() <= (unsigned)sysconf(_SC_NPROCESSORS_CONF));
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Only the low half counts: what the system compares. */
TEST(another_value_is_no_sleep)
{
    thetis_atomic word = {7};
    errno = 12345;
    CHECK_EQ(tht_port_wait(&word, 8, UINT64_MAX), 0);
    CHECK_EQ(tht_port_wait(&word, 8, 0), 0);
    CHECK_EQ(errno, 12345);
}

TEST(a_wait_ends_at_its_time_and_not_before)
{
    thetis_atomic word = {7};
    uint64_t now = tht_port_now(), until = now + 20000000;
    CHECK_EQ(tht_port_wait(&word, 7, now), 1);
    errno = 12345;
    CHECK_EQ(tht_port_wait(&word, 7, until), 1);
    CHECK(tht_port_now() >= until);
    CHECK_EQ(errno, 12345);
}

static void *port_sleep_body(void *word)
{
    while (thetis_atomic_load_relaxed(word) == 7) (void)tht_port_wait(word, 7, UINT64_MAX);
    return NULL;
}

TEST(a_wake_reaches_all_who_wait)
{
    thetis_atomic word = {7};
    pthread_t threads[PORT_THREADS];
    for (int i = 0; i < PORT_THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, port_sleep_body, &word), 0);
    CHECK_EQ(usleep(20000), 0);
    thetis_atomic_store_relaxed(&word, 8);
    errno = 12345;
    tht_port_wake(&word);
    CHECK_EQ(errno, 12345);
    for (int i = 0; i < PORT_THREADS; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

TEST(a_wake_needs_no_word)
{
    thetis_atomic *word = tht_port_map(4096);
    CHECK(word != NULL);
    tht_port_unmap(word, 4096);
    tht_port_wake(word);
}

TEST(a_signal_counts_until_it_is_taken)
{
    thetis_status s = THETIS_OK;
    int fd = tht_port_signal_open(&s);
    CHECK(fd >= 0);
    errno = 12345;
    CHECK_EQ(tht_port_signal_take(fd), 0);
    tht_port_signal_send(fd);
    tht_port_signal_send(fd);
    CHECK_EQ(tht_port_signal_take(fd), 2);
    CHECK_EQ(tht_port_signal_take(fd), 0);
    CHECK_EQ(errno, 12345);
    tht_port_signal_close(fd);
}

/* ---- program --------------------------------------------------------------------------------- */

TEST(settings_are_the_environment)
{
    CHECK_EQ(setenv("THETIS_TEST_SETTING", "x=y", 1), 0);
    CHECK_STR(tht_port_setting("THETIS_TEST_SETTING"), "x=y");
    CHECK_EQ(unsetenv("THETIS_TEST_SETTING"), 0);
    CHECK_STR(tht_port_setting("THETIS_TEST_SETTING"), NULL);
}

TEST(the_port_has_a_name)
{
    CHECK_STR(tht_port_name(), "linux");
}

static void port_call_panic(void)
{
    tht_port_panic("last words");
}

static void port_call_assert(void)
{
    thetis_assert_fail("a > b", "some/file.c", 4050607);
}

static void port_call_long_assert(void)
{
    static char what[1000];
    memset(what, 'w', sizeof what - 1);
    thetis_assert_fail(what, "f.c", 0);
}

/* Ends the process so that coverage counts are written, which abort() would drop. */
static void port_on_abort(int number)
{
    exit(number);
}

/* What `end` writes to standard error before it aborts. */
static const char *port_last_words(void (*end)(void))
{
    static char words[1100];
    int fds[2], status;
    size_t used = 0;
    CHECK_EQ(pipe(fds), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)dup2(fds[1], STDERR_FILENO);
        (void)signal(SIGABRT, port_on_abort);
        end();
    }
    CHECK_EQ(close(fds[1]), 0);
    for (ssize_t n; (n = read(fds[0], words + used, sizeof words - 1 - used)) > 0;)
        used += (size_t)n;
    words[used] = 0;
    CHECK_EQ(close(fds[0]), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == SIGABRT);
    return words;
}

TEST(a_panic_shows_its_message)
{
    CHECK_STR(port_last_words(port_call_panic), "last words\n");
}

TEST(a_broken_contract_says_where_and_what)
{
    const char *words = port_last_words(port_call_assert);
    CHECK(strstr(words, "some/file.c:4050607: contract broken: a > b\n") != NULL);
    CHECK(strncmp(words, "thetis ", 7) == 0);
}

TEST(a_long_message_is_cut)
{
    const char *words = port_last_words(port_call_long_assert);
    CHECK_EQ(strlen(words), 256); /* the buffer of assert.c with a newline for its final 0 */
    CHECK(strstr(words, "f.c:0: contract broken: www") != NULL);
}

TEST_MAIN(T(the_clock_never_goes_back), T(the_clock_counts_nanoseconds),
          T(mapped_memory_is_zero_aligned_and_apart), T(discarded_pages_are_zero_again),
          T(unmapping_what_was_not_mapped_aborts, .aborts = true),
          T(a_mirror_shows_its_bytes_twice), T(masked_sections_nest),
          T(entropy_differs_and_fills_everything),
          T(entropy_that_comes_in_pieces_fills_everything), T(no_entropy_is_said),
          T(threads_have_different_numbers), T(there_are_processors),
          T(another_value_is_no_sleep), T(a_wait_ends_at_its_time_and_not_before),
          T(a_wake_reaches_all_who_wait), T(a_wake_needs_no_word),
          T(a_signal_counts_until_it_is_taken),
          T(settings_are_the_environment), T(the_port_has_a_name), T(a_panic_shows_its_message),
          T(a_broken_contract_says_where_and_what), T(a_long_message_is_cut))
