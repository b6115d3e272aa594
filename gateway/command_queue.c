/*
 * queue: what an operator asks of the queue, through the control socket of the gateway, or, when
 * it does not run, by a desk of our own on its spool.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/command.h"
#include "gateway/command_options.h"
#include "gateway/ops/control_client.h"
#include "gateway/ops/control_words.h"
#include "gateway/ops/queue_desk.h"
#include "gateway/ops/queue_files.h"

const char command_queue_help[] =
    "\n"
    "What is meant:\n"
    "  QUEUE               the name of a send connector, or unreachable, held, poison\n"
    "  ID...               queue ids, as list --messages shows them\n"
    "  selectors           all of them must hold:\n"
    "    --queue QUEUE     messages in it, and of them only what waits there\n"
    "    --forest F        for recipients of that forest's domains\n"
    "    --connector NAME  came through this receive connector, or waits for this send "
    "connector\n"
    "    --sender A        '*' stands for anything, '<>' is the null sender\n"
    "    --recipient A     likewise\n"
    "    --older AGE       received so long ago or longer: 30m, 4h, 2d\n"
    "    --newer AGE       received less long ago\n"
    "    --larger SIZE     of so many octets or more: 4096, 512KiB, 10MiB\n"
    "    --smaller SIZE    of fewer octets\n"
    "    --state STATE     active, ready, retry, suspended, held or returning\n"
    "    --error TEXT      these words are in its last error\n"
    "  --all               everything\n"
    "  --limit N           at most so many messages\n"
    "\n"
    "suspend, resume and retry of a QUEUE mean it as a whole, also what comes later. remove "
    "takes\n"
    "--dsn (the sender gets a report that an operator removed it) or --no-dsn, and --yes unless\n"
    "ids are given. retry --reroute finds the way anew first. What is suspended by an operator "
    "is\n"
    "neither tried nor expires. Each change is durable before the answer says so.\n"
    "\n"
    "export writes each message as ID.eml (which begins with its envelope) and ID.json; the "
    "queue\n"
    "stays as it is. import makes them messages of this queue, with times, attempts and states "
    "of\n"
    "their recipients. To move a queue: suspend it, export, import there, then remove --no-dsn.\n"
    "\n"
    "Without a running gateway the same verbs work on its spool, under its lock.\n"
    "Exit status: 0 done, 1 nothing was meant or found, 2 usage or failure.\n";

enum { CONTROL_PATH_MAX = 512 };

struct queue_command {
    const char *verb;
    const char *config_path;
    const char *to;   /* --to: the folder of an export */
    const char *from; /* --from: of an import */
    struct buf request;
};

/* "-c FILE", "--to" and "--from" are ours; every other word goes to the desk. */
static bool
split(int argc, char **argv, struct queue_command *q)
{
    for (int i = 0; i < argc; i++) {
        bool is_config = strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config") == 0;
        const char **value = is_config                        ? &q->config_path
                             : strcmp(argv[i], "--to") == 0   ? &q->to
                             : strcmp(argv[i], "--from") == 0 ? &q->from
                                                              : NULL;
        if (value == NULL) {
            if (q->verb == NULL && i > 0)
                q->verb = argv[i];
            control_put_word(&q->request, slice_str(argv[i]));
            continue;
        }
        *value = i + 1 < argc ? argv[++i] : NULL;
    }
    struct winsize size = {.ws_col = 0};
    if (isatty(STDOUT_FILENO) && q->to == NULL) {
        char word[32];
        (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
        snprintf(word, sizeof word, "--terminal=%u", size.ws_col);
        control_put_word(&q->request, slice_str(word));
    }
    return buf_ok(&q->request);
}

static bool
is_verb(const struct queue_command *q, const char *verb)
{
    return q->verb != NULL && strcmp(q->verb, verb) == 0;
}

static bool
check(const struct queue_command *q)
{
    if (q->config_path == NULL)
        fprintf(stderr, "forestgate queue: -c FILE is needed: the gateway's configuration\n");
    else if (is_verb(q, "export") != (q->to != NULL))
        fprintf(stderr, "forestgate queue: export, and nothing else, takes --to FOLDER\n");
    else if (is_verb(q, "import") != (q->from != NULL))
        fprintf(stderr, "forestgate queue: import, and nothing else, takes --from FOLDER\n");
    else
        return true;
    return false;
}

/* Say what is asked on this descriptor, and deal with the answer. */
static int
talk(int fd, const struct queue_command *q)
{
    struct err err;
    int status = 2;
    bool ok = control_say(fd, buf_slice(&q->request), &err) &&
              (q->to != NULL     ? queue_files_save(fd, q->to, &status, &err)
               : q->from != NULL ? queue_files_send(fd, q->from, &status, &err)
                                 : queue_files_print(fd, &status, &err));
    if (!ok)
        fprintf(stderr, "forestgate queue: %s\n", err.text);
    return ok ? status : 2;
}

/* ---- Without a gateway ---- */

struct own_desk {
    struct spool *spool;
    const struct config *config;
    struct log *log;
    int fd;
    _Atomic bool give_up;
};

static void
on_failure(void *context, const struct err *why)
{
    struct own_desk *d = context;
    (void)why; /* the spool has logged it */
    d->give_up = true;
}

static void *
serve(void *context)
{
    struct own_desk *own = context;
    char request[CONTROL_REQUEST_MAX], room[CONTROL_REQUEST_MAX];
    struct slice words[CONTROL_WORDS];
    struct stream out;
    size_t len = 0;
    int status = 2;
    while (len < sizeof request && read(own->fd, &request[len], 1) == 1 && request[len] != '\n')
        len++;
    stream_init(&out, own->fd);
    struct queue_desk desk = {
        .spool = own->spool,
        .config = own->config,
        .log = own->log,
        .uid = getuid(),
        .give_up = &own->give_up,
        .out = &out,
        .in = own->fd,
    };
    size_t count = control_read_words(slice(request, len), room, words);
    if (count > 0)
        status = queue_desk_run(&desk, words + 1, count - 1);
    control_put_end(&out.text, status);
    stream_fini(&out);
    shutdown(own->fd, SHUT_RDWR);
    return NULL;
}

static int
talk_to_own(struct own_desk *own, const struct queue_command *q)
{
    int pair[2], status = 2;
    pthread_t thread;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return 2;
    own->fd = pair[1];
    if (pthread_create(&thread, NULL, serve, own) == 0) {
        status = talk(pair[0], q);
        shutdown(pair[0], SHUT_RDWR);
        pthread_join(thread, NULL);
    }
    close(pair[0]);
    close(pair[1]);
    return status;
}

static int
work_offline(const struct queue_command *q)
{
    struct own_desk own = {.give_up = false};
    struct spool_found found;
    struct err err;
    struct config *config = options_load(q->config_path);
    if (config == NULL)
        return 2;
    own.config = config;
    own.log = log_new(STDERR_FILENO, LOG_WARN);
    const struct spool_settings settings = {
        .path = config->spool_path,
        .map_size = config->spool_map_size,
        .reserve = config->spool_reserve,
        .body_in_file = config->spool_body_in_file,
        .log = own.log,
        .on_failure = on_failure,
        .context = &own,
    };
    int status = 2;
    if (spool_open(&settings, &own.spool, &found, &err)) {
        fprintf(stderr, "The gateway does not run; this is its spool.\n");
        status = talk_to_own(&own, q);
        spool_close(&own.spool);
    } else {
        fprintf(stderr, "forestgate queue: %s\n", err.text);
    }
    log_free(&own.log);
    config_unref(&config);
    return status;
}

/* ---- The command ---- */

static int
ask(const struct queue_command *q)
{
    char path[CONTROL_PATH_MAX] = "";
    struct complaints list;
    struct err err = {.kind = ERR_CLOSED};
    complaints_init(&list);
    bool ok = config_load_control(q->config_path, path, sizeof path, &list);
    options_print(&list.text, stderr);
    complaints_fini(&list);
    if (!ok)
        return 2;
    int fd = path[0] != '\0' ? control_dial(path, &err) : -1;
    if (fd < 0 && err.kind == ERR_CLOSED)
        return work_offline(q);
    if (fd < 0) {
        fprintf(stderr, "forestgate queue: %s\n", err.text);
        return 2;
    }
    int status = talk(fd, q);
    close(fd);
    return status;
}

int
command_queue(int argc, char **argv)
{
    struct queue_command q = {0};
    buf_init(&q.request, CONTROL_REQUEST_MAX);
    int status = 2;
    if (!split(argc, argv, &q))
        fprintf(stderr, "forestgate queue: that is too much at once\n");
    else if (check(&q))
        status = ask(&q);
    buf_fini(&q.request);
    return status;
}
