/*
 * powercut_record.h - the inside of the recorder: powercut_record.c is the record and what is
 * known of descriptors, powercut_files.c the calls on files, powercut_names.c those on names,
 * powercut_talk.c those on connections.
 */
#ifndef FAULT_POWERCUT_RECORD_H
#define FAULT_POWERCUT_RECORD_H

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { FILES_MAX = 1024 };

enum flag { FLAG_DSYNC = 1 };

/* What is known of an open descriptor. */
struct open_file {
    uint64_t inode; /* 0: not ours */
    int flags;
    int is_folder;
    char path[PATH_MAX];
};

struct recorder {
    pthread_mutex_t lock; /* over each call and its line */
    struct open_file files[FILES_MAX];
    uint64_t connections[FILES_MAX]; /* by descriptor; 0: no connection over TCP */
    uint64_t last_connection;
    const char *root;
    unsigned slowness; /* microseconds */
    int log_fd;        /* -1: nothing is recorded */
};
extern struct recorder recorder;

/* The next definition of this name behind ours. */
void *real(const char *name);
#define REAL(name) ((__typeof__(&name))real(#name))

/* The kernel itself. The program's own syscall() comes through here as well: libuv closes with
 * it. */
long (*raw_syscall(void))(long, ...);
#define raw(...) raw_syscall()(__VA_ARGS__)

/* All below with the lock held. */
void note(char kind, unsigned char flags, uint64_t file, uint64_t offset, const char *name,
          const char *other, const void *data, size_t data_len);
void note_unsupported(const char *what);

bool is_below(const char *path);
void path_of_fd(int fd, char path[PATH_MAX]);
/* The path that (dir, name) means; names here hold no "..". */
void path_of_name(int dir, const char *name, char path[PATH_MAX]);

/* NULL: not below the root. */
struct open_file *file_of(int fd);
bool is_connection(int fd);
/* Whatever the descriptor was, it is that no more. */
void forget(int fd);

#pragma GCC visibility pop

#endif
