#include "gateway/spool/in_flight.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/mem.h"

#define FILE_NAME "in-flight"

/* "FGF" and the version. */
enum { MAGIC = 0x46474601 };

/* The file. */
struct page {
    uint32_t magic;
    _Atomic uint32_t has_crashed;
    _Atomic uint64_t ids[IN_FLIGHT_MAX]; /* 0: free */
};

struct in_flight {
    struct page *page;
    _Atomic uint32_t turn; /* where a free place is looked for first */
    _Atomic uint32_t used; /* places from here on were never used by this process */
};

static void
forget_all(struct page *page)
{
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
        atomic_store_explicit(&page->ids[i], 0, memory_order_relaxed);
    atomic_store(&page->has_crashed, 0);
}

/* A fresh file is written in full: a store into its page must not meet a full disk. */
static bool
is_whole(int fd)
{
    uint32_t magic = 0;
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof(struct page) &&
           pread(fd, &magic, sizeof magic, 0) == (ssize_t)sizeof magic && magic == MAGIC;
}

static bool
write_fresh(int fd)
{
    static const struct page fresh = {.magic = MAGIC};
    return ftruncate(fd, 0) == 0 && pwrite(fd, &fresh, sizeof fresh, 0) == (ssize_t)sizeof fresh;
}

/* Without room for the file there is memory: the gateway starts, and a crash is not counted. */
static struct page *
open_page(int folder, struct err *err)
{
    int fd = openat(folder, FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        err_sys(err, ERR_IO, FILE_NAME);
        return NULL;
    }
    void *page = MAP_FAILED;
    if (is_whole(fd) || write_fresh(fd))
        page = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        page = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    close(fd);
    if (page == MAP_FAILED)
        err_sys(err, ERR_NOMEM, FILE_NAME);
    return page != MAP_FAILED ? page : NULL;
}

bool
in_flight_open(int folder, struct in_flight **out, struct err *err)
{
    struct in_flight *f = mem_new(sizeof *f);
    if (f == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    f->page = open_page(folder, err);
    if (f->page == NULL) {
        mem_free(&f);
        return false;
    }
    *out = f;
    return true;
}

void
in_flight_close(struct in_flight **ref)
{
    struct in_flight *f = *ref;
    if (f == NULL)
        return;
    forget_all(f->page);
    munmap(f->page, sizeof *f->page);
    mem_free(ref);
}

size_t
in_flight_at_crash(struct in_flight *f, uint64_t ids[IN_FLIGHT_MAX])
{
    size_t count = 0;
    if (atomic_load(&f->page->has_crashed) != 0)
        for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
            if ((ids[count] = atomic_load(&f->page->ids[i])) != 0)
                count++;
    forget_all(f->page);
    return count;
}

uint32_t
in_flight_enter(struct in_flight *f, uint64_t id)
{
    uint32_t from = atomic_load_explicit(&f->turn, memory_order_relaxed);
    for (uint32_t i = 0; i < IN_FLIGHT_MAX; i++) {
        uint32_t place = (from + i) % IN_FLIGHT_MAX;
        uint64_t is_free = 0;
        if (!atomic_compare_exchange_strong(&f->page->ids[place], &is_free, id))
            continue;
        uint32_t used = atomic_load(&f->used);
        while (used <= place && !atomic_compare_exchange_weak(&f->used, &used, place + 1))
            continue;
        return place + 1;
    }
    return 0;
}

/* The next one to come takes it again: few places are used, and those are warm. */
void
in_flight_leave(struct in_flight *f, uint32_t place)
{
    if (place == 0)
        return;
    atomic_store(&f->page->ids[place - 1], 0);
    atomic_store_explicit(&f->turn, place - 1, memory_order_relaxed);
}

bool
in_flight_has(const struct in_flight *f, uint64_t id)
{
    uint32_t used = atomic_load(&f->used);
    for (uint32_t i = 0; i < used; i++)
        if (atomic_load_explicit(&f->page->ids[i], memory_order_relaxed) == id)
            return true;
    return false;
}

void
in_flight_note_crash(struct in_flight *f)
{
    atomic_store(&f->page->has_crashed, 1);
}
