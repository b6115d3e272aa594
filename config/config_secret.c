#include "config/config_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"

/* Open for reading, and only a file: a FIFO would let us wait for ever. */
static int
open_file(const char *path, struct stat *st, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        err_sys(err, ERR_IO, "cannot open %.150s", path);
        return -1;
    }
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    close(fd);
    err_set(err, ERR_IO, "%.150s is not a file", path);
    return -1;
}

static bool
is_systemd_credential(const char *path)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    size_t n = folder != NULL ? strlen(folder) : 0;
    return n > 0 && strncmp(path, folder, n) == 0 && path[n] == '/';
}

static bool
check_access(const char *path, const struct stat *st, struct err *err)
{
    mode_t mode = st->st_mode & 07777;
    mode_t group = mode & 070;

    if (st->st_uid != 0 && st->st_uid != geteuid())
        return err_set(err, ERR_REFUSED, "%.150s belongs to user %u; chown it to root or user %u",
                       path, (unsigned)st->st_uid, (unsigned)geteuid());
    if ((mode & 07) != 0)
        return err_set(err, ERR_REFUSED,
                       "%.150s has mode %04o, so others can reach it; chmod 0600", path,
                       (unsigned)mode);
    if (group != 0 && !(group == 040 && (st->st_gid == getegid() || is_systemd_credential(path))))
        return err_set(err, ERR_REFUSED,
                       "%.150s has mode %04o and group %u; the group may only read it, and only "
                       "when it is %u; chmod 0600",
                       path, (unsigned)mode, (unsigned)st->st_gid, (unsigned)getegid());
    return true;
}

/* Up to size octets; their number, or -1. */
static ssize_t
read_all(int fd, char *to, size_t size)
{
    size_t n = 0;
    while (n < size) {
        ssize_t got = read(fd, to + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

static bool
check_line(const char *path, struct slice line, struct err *err)
{
    if (line.len == 0)
        return err_set(err, ERR_CONFIG, "%.150s is empty", path);
    if (line.len > SECRET_MAX)
        return err_set(err, ERR_CONFIG, "%.150s is longer than %d octets", path, SECRET_MAX);
    if (line.ptr[line.len - 1] == '\r')
        return err_set(err, ERR_CONFIG, "%.150s ends in CR LF; write it with LF alone", path);
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '\n')
            return err_set(err, ERR_CONFIG, "%.150s holds more than one line", path);
        if ((unsigned char)line.ptr[i] < 0x20 || line.ptr[i] == 0x7f)
            return err_set(err, ERR_CONFIG, "%.150s holds a control character", path);
    }
    return true;
}

bool
config_secret_read(const char *path, struct arena *memory, const char **line, struct err *err)
{
    char room[SECRET_MAX + 2]; /* the newline, and one more to see that it is too long */
    struct stat st;
    bool good = false;

    int fd = open_file(path, &st, err);
    if (fd < 0)
        return false;
    if (!check_access(path, &st, err))
        goto out;
    ssize_t n = read_all(fd, room, sizeof room);
    if (n < 0) {
        err_sys(err, ERR_IO, "cannot read %.150s", path);
        goto out;
    }
    struct slice content = slice(room, (size_t)n);
    if (n > 0 && room[n - 1] == '\n')
        content.len--;
    if (!check_line(path, content, err))
        goto out;
    *line = arena_copy(memory, content).ptr;
    good = *line != NULL || err_set(err, ERR_NOMEM, "out of memory");
out:
    mem_wipe(room, sizeof room);
    close(fd);
    return good;
}

bool
config_secret_is_hash(const char *line)
{
    static const char *const methods[] = {"$y$", "$gy$", "$7$", "$2b$", "$2y$", "$6$", "$5$"};
    size_t dollars = 0;
    for (const char *c = line; *c != '\0'; c++) {
        if (!ascii_is_alnum(*c) && strchr("$./=,", *c) == NULL)
            return false;
        dollars += *c == '$';
    }
    if (dollars < 3 || strlen(line) < 40)
        return false;
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (strncmp(line, methods[i], strlen(methods[i])) == 0)
            return true;
    return false;
}

bool
config_secret_check_readable(const char *path, struct err *err)
{
    struct stat st;
    int fd = open_file(path, &st, err);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

bool
config_secret_check_key(const char *path, struct err *err)
{
    struct stat st;
    int fd = open_file(path, &st, err);
    if (fd < 0)
        return false;
    close(fd);
    if ((st.st_mode & 07) != 0)
        return err_set(err, ERR_REFUSED,
                       "%.150s has mode %04o, so others can reach it; chmod 0600", path,
                       (unsigned)(st.st_mode & 07777));
    return true;
}

static void
load_hashes(struct account *account, struct arena *memory, const struct node *list,
            struct report *report)
{
    struct err err;
    account->hashes = arena_new(memory, (account->hash_count + 1) * sizeof(char *));
    if (account->hashes == NULL) {
        report->nomem = true;
        return;
    }
    /* When an item was refused, places and items differ; the file is refused anyway. */
    const struct node *item = list->count == account->hash_count ? list->first : list;
    for (size_t i = 0; i < account->hash_count; i++, item = item->next ? item->next : item) {
        const char *path = account->hash_files[i];
        if (!config_secret_read(path, memory, &account->hashes[i], &err))
            report_error(report, item->where, "password_hash_files: %s", err.text);
        else if (!config_secret_is_hash(account->hashes[i]))
            report_error(
                report, item->where,
                "password_hash_files: %.150s does not hold a crypt(5) hash; make one with "
                "forestgate account hash",
                path);
    }
}

static void
load_password(struct send_connector *send, struct arena *memory, struct where where,
              struct report *report)
{
    struct err err;
    if (!config_secret_read(send->auth_password_file, memory, &send->auth_password, &err))
        report_error(report, where, "password_file: %s", err.text);
}

void
config_secret_load(struct config *config, struct arena *memory, const struct node *root,
                   struct report *report)
{
    for (size_t i = 0; i < config->receive_count; i++) {
        struct receive_connector *receive = &config->receive[i];
        for (size_t k = 0; k < receive->account_count; k++) {
            struct account *account = &receive->accounts[k];
            const struct node *list = NODE_AT(root, "receive", receive->name, "accounts",
                                              account->name, "password_hash_files");
            if (account->hash_count > 0)
                load_hashes(account, memory, list, report);
        }
    }
    for (size_t i = 0; i < config->send_count; i++) {
        struct send_connector *send = &config->send[i];
        const struct node *file = NODE_AT(root, "send", send->name, "auth", "password_file");
        if (send->auth_password_file != NULL)
            load_password(send, memory, file->where, report);
    }
}

/* The arena's copies are const to everybody but to the one who ends them. */
static void
wipe(const char *secret)
{
    if (secret != NULL)
        mem_wipe((void *)(uintptr_t)secret, strlen(secret));
}

void
config_secret_wipe(struct config *config)
{
    for (size_t i = 0; i < config->receive_count; i++)
        for (size_t k = 0; k < config->receive[i].account_count; k++) {
            struct account *account = &config->receive[i].accounts[k];
            for (size_t h = 0; account->hashes != NULL && h < account->hash_count; h++)
                wipe(account->hashes[h]);
        }
    for (size_t i = 0; i < config->send_count; i++)
        wipe(config->send[i].auth_password);
}
