/* Listening: addresses, descriptors that run out, sockets that were left behind. */
#include "gateway/net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/net/loop_private.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

struct door {
    struct loop *loop;
    struct port *port;
    int came;
    int last_fd;
    bool close_port; /* at the first one */
};

static void
on_fd(void *context, int fd)
{
    struct door *d = context;
    d->came++;
    if (d->last_fd >= 0)
        close(d->last_fd);
    d->last_fd = fd;
    if (d->close_port)
        port_close(&d->port);
}

static struct sockaddr_in
loopback(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static uint16_t
real_port(const struct door *d)
{
    return (uint16_t)strtoul(strrchr(port_text(d->port), ':') + 1, NULL, 10);
}

static void
door_open(struct door *d)
{
    struct err err;
    struct sockaddr_in at = loopback(0);
    *d = (struct door){.loop = turns_loop(), .last_fd = -1};
    if (!port_open(d->loop, (struct sockaddr *)&at, on_fd, d, &d->port, &err))
        fail_msg("%s", err.text);
}

static void
door_close(struct door *d)
{
    port_close(&d->port);
    if (d->last_fd >= 0)
        close(d->last_fd);
    loop_free(&d->loop);
}

static int
knock(const struct door *d)
{
    struct sockaddr_in at = loopback(real_port(d));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* ---- TCP ----------------------------------------------------------------------------------- */

static void
listener_hands_over_each_connection(void **state)
{
    (void)state;
    struct door d;
    int clients[3];
    door_open(&d);
    assert_int_equal(strncmp(port_text(d.port), "127.0.0.1:", 10), 0);
    assert_int_not_equal(real_port(&d), 0);
    for (size_t i = 0; i < 3; i++)
        clients[i] = knock(&d);
    turns_until_count(d.loop, &d.came, 3);
    assert_int_not_equal(fcntl(d.last_fd, F_GETFL) & O_NONBLOCK, 0);
    assert_int_not_equal(fcntl(d.last_fd, F_GETFD) & FD_CLOEXEC, 0);
    for (size_t i = 0; i < 3; i++)
        close(clients[i]);
    door_close(&d);
}

static void
listener_names_the_address_that_is_in_use(void **state)
{
    (void)state;
    struct door d;
    door_open(&d);
    struct sockaddr_in taken = loopback(real_port(&d));
    struct port *second = NULL;
    struct err err;
    assert_false(port_open(d.loop, (struct sockaddr *)&taken, on_fd, &d, &second, &err));
    assert_null(second);
    char want[96];
    snprintf(want, sizeof want, "%s: Address already in use", port_text(d.port));
    assert_string_equal(err.text, want);
    assert_int_equal(err.kind, ERR_IO);
    door_close(&d);
}

static void
listener_takes_ipv6(void **state)
{
    (void)state;
    struct door d = {.loop = turns_loop(), .last_fd = -1};
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct err err;
    if (!port_open(d.loop, (struct sockaddr *)&at, on_fd, &d, &d.port, &err)) {
        loop_free(&d.loop);
        skip(); /* no IPv6 here */
    }
    assert_int_equal(strncmp(port_text(d.port), "[::1]:", 6), 0);
    door_close(&d);
}

static void
listener_may_be_closed_from_inside_its_call(void **state)
{
    (void)state;
    struct door d;
    door_open(&d);
    d.close_port = true;
    int clients[2] = {knock(&d), knock(&d)};
    turns_until_count(d.loop, &d.came, 1);
    loop_run(d.loop);
    assert_int_equal(d.came, 1);
    assert_null(d.port);
    close(clients[0]);
    close(clients[1]);
    door_close(&d);
}

static void
count_active(uv_handle_t *handle, void *count)
{
    if (handle->type == UV_POLL && uv_is_active(handle))
        ++*(int *)count;
}

static bool
has_dropped(void *context)
{
    struct door *d = context;
    return port_dropped(d->port) > 0;
}

/* With no descriptor left, the waiting client is let in and put out again, so that it does not
 * hang and the loop does not spin; later ones are served when there is room. */
static void
listener_survives_running_out_of_descriptors(void **state)
{
    (void)state;
    struct door d;
    struct rlimit before, none;
    door_open(&d);
    int client = knock(&d);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    int lowest_free = dup(client);
    close(lowest_free);
    none.rlim_cur = (rlim_t)lowest_free;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    turns_until(d.loop, has_dropped, &d);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);

    assert_int_equal(d.came, 0);
    assert_int_equal(port_dropped(d.port), 1);
    int looking = 0;
    uv_walk(&d.loop->uv, count_active, &looking);
    assert_int_equal(looking, 0); /* the rest of the backlog is left alone for a while */
    struct pollfd closed = {.fd = client, .events = POLLIN};
    assert_int_equal(poll(&closed, 1, 60000), 1);
    char octet;
    assert_int_equal(read(client, &octet, 1), 0);

    int second = knock(&d);
    turns_until_count(d.loop, &d.came, 1);
    close(client);
    close(second);
    door_close(&d);
}

/* ---- Unix sockets -------------------------------------------------------------------------- */

struct place {
    char folder[64];
    char path[96];
};

static void
place_init(struct place *p)
{
    snprintf(p->folder, sizeof p->folder, "/tmp/forestgate-listener-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/control.sock", p->folder);
}

static void
place_fini(struct place *p)
{
    unlink(p->path);
    assert_int_equal(rmdir(p->folder), 0);
}

static struct sockaddr_un
unix_address(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    return at;
}

static int
knock_unix(const char *path)
{
    struct sockaddr_un at = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* What a process that died leaves behind. */
static void
leave_stale_socket(const char *path)
{
    struct sockaddr_un at = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd);
}

static void
listener_on_a_path_is_private_and_leaves_nothing(void **state)
{
    (void)state;
    struct place place;
    struct door d = {.loop = turns_loop(), .last_fd = -1};
    struct err err;
    struct stat st;
    place_init(&place);
    assert_true(port_open_unix(d.loop, place.path, on_fd, &d, &d.port, &err));
    assert_string_equal(port_text(d.port), place.path);
    assert_int_equal(stat(place.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int client = knock_unix(place.path);
    turns_until_count(d.loop, &d.came, 1);
    close(client);
    door_close(&d);
    assert_int_equal(stat(place.path, &st), -1);
    place_fini(&place);
}

static void
listener_replaces_a_stale_socket(void **state)
{
    (void)state;
    struct place place;
    struct door d = {.loop = turns_loop(), .last_fd = -1};
    struct err err;
    place_init(&place);
    leave_stale_socket(place.path);
    assert_true(port_open_unix(d.loop, place.path, on_fd, &d, &d.port, &err));
    close(knock_unix(place.path));
    turns_until_count(d.loop, &d.came, 1);
    door_close(&d);
    place_fini(&place);
}

static void
listener_leaves_alone_what_is_not_a_stale_socket(void **state)
{
    (void)state;
    struct place place;
    struct door d = {.loop = turns_loop(), .last_fd = -1};
    struct port *second = NULL;
    struct err err;
    place_init(&place);

    /* A socket that somebody answers. */
    assert_true(port_open_unix(d.loop, place.path, on_fd, &d, &d.port, &err));
    assert_false(port_open_unix(d.loop, place.path, on_fd, &d, &second, &err));
    assert_int_equal(err.kind, ERR_IO);
    close(knock_unix(place.path));

    /* The socket of a successor. */
    struct stat st;
    unlink(place.path);
    leave_stale_socket(place.path);
    port_close(&d.port);
    assert_int_equal(stat(place.path, &st), 0);
    unlink(place.path);

    /* A file. */
    int fd = open(place.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    assert_false(port_open_unix(d.loop, place.path, on_fd, &d, &second, &err));
    assert_int_equal(stat(place.path, &st), 0);

    door_close(&d);
    place_fini(&place);
}

static void
listener_refuses_a_path_that_does_not_fit(void **state)
{
    (void)state;
    struct door d = {.loop = turns_loop(), .last_fd = -1};
    struct err err;
    char path[200];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_false(port_open_unix(d.loop, path, on_fd, &d, &d.port, &err));
    assert_int_equal(err.kind, ERR_IO);
    assert_false(port_open_unix(d.loop, "/nonexistent/control.sock", on_fd, &d, &d.port, &err));
    assert_string_equal(err.text, "/nonexistent/control.sock: No such file or directory");
    door_close(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listener_hands_over_each_connection),
        cmocka_unit_test(listener_names_the_address_that_is_in_use),
        cmocka_unit_test(listener_takes_ipv6),
        cmocka_unit_test(listener_may_be_closed_from_inside_its_call),
        cmocka_unit_test(listener_survives_running_out_of_descriptors),
        cmocka_unit_test(listener_on_a_path_is_private_and_leaves_nothing),
        cmocka_unit_test(listener_replaces_a_stale_socket),
        cmocka_unit_test(listener_leaves_alone_what_is_not_a_stale_socket),
        cmocka_unit_test(listener_refuses_a_path_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
