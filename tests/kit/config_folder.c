#include "tests/kit/config_folder.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char config_folder_small[] =
    "version: 1\n"
    "hostname: gw.contoso.example\n"
    "postmaster: postmaster@contoso.example\n"
    "spool: { path: spool }\n"
    "certificates:\n"
    "  main: { certificate: tls/gw.pem, key: tls/gw.key }\n"
    "listen:\n"
    "  main: { address: \"10.1.0.5:25\", certificate: main }\n"
    "forests:\n"
    "  contoso:\n"
    "    domains: { contoso.example: authoritative }\n"
    "    deliver: [contoso-hub]\n"
    "  fabrikam:\n"
    "    domains: { fabrikam.example: authoritative }\n"
    "    deliver: [fabrikam-hub]\n"
    "receive:\n"
    "  contoso-hub:\n"
    "    listen: [main]\n"
    "    networks: [10.1.20.0/24]\n"
    "    speaks_for: [contoso]\n"
    "    accounts:\n"
    "      svc: { names: ['CONTOSO\\svc'], password_hash_files: [secrets/contoso.hash] }\n"
    "  fabrikam-hub:\n"
    "    listen: [main]\n"
    "    networks: [10.2.0.0/16]\n"
    "    speaks_for: [fabrikam]\n"
    "    accounts:\n"
    "      svc: { names: ['FABRIKAM\\svc'], password_hash_files: [secrets/fabrikam.hash] }\n"
    "send:\n"
    "  contoso-hub:\n"
    "    servers: [hub.contoso.example]\n"
    "    auth: { user: svc, password_file: secrets/contoso }\n"
    "  fabrikam-hub:\n"
    "    servers: [hub.fabrikam.example]\n"
    "    tls: { verify: name }\n"
    "    auth: { user: svc, password_file: secrets/fabrikam }\n";

const char *
config_folder_file(const struct config_folder *f, const char *name,
                   char room[2 * CONFIG_FOLDER_PATH])
{
    int n = snprintf(room, 2 * CONFIG_FOLDER_PATH, "%s/%s", f->path, name);
    must(n > 0 && n < 2 * CONFIG_FOLDER_PATH);
    return room;
}

void
config_folder_write(const struct config_folder *f, const char *name, struct slice content,
                    mode_t mode)
{
    char room[2 * CONFIG_FOLDER_PATH];
    int fd =
        open(config_folder_file(f, name, room), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0);
    must(write(fd, content.ptr, content.len) == (ssize_t)content.len);
    must(fchmod(fd, mode) == 0);
    must(close(fd) == 0);
}

static void
make_folder(const struct config_folder *f, const char *name)
{
    char room[2 * CONFIG_FOLDER_PATH];
    must(mkdir(config_folder_file(f, name, room), 0700) == 0);
}

void
config_folder_new(struct config_folder *f)
{
    snprintf(f->path, sizeof f->path, "/tmp/forestgate-config-XXXXXX");
    must(mkdtemp(f->path) != NULL);
    make_folder(f, "tls");
    make_folder(f, "secrets");
    config_folder_write(f, "tls/gw.pem", slice_str(""), 0644);
    config_folder_write(f, "tls/gw.key", slice_str(""), 0600);
    config_folder_write(f, "tls/fabrikam-ca.pem", slice_str(""), 0644);
    config_folder_write(f, "secrets/contoso", slice_str(CONFIG_FOLDER_PASSWORD "\n"), 0600);
    config_folder_write(f, "secrets/fabrikam", slice_str(CONFIG_FOLDER_PASSWORD), 0400);
    config_folder_write(f, "secrets/contoso.hash", slice_str(CONFIG_FOLDER_HASH "\n"), 0600);
    config_folder_write(f, "secrets/contoso-next.hash", slice_str(CONFIG_FOLDER_HASH "\n"), 0600);
    config_folder_write(f, "secrets/fabrikam.hash", slice_str(CONFIG_FOLDER_HASH "\n"), 0600);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void
config_folder_remove(struct config_folder *f)
{
    nftw(f->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

bool
config_folder_load(const struct config_folder *f, const char *text, struct config **out,
                   struct complaints *complaints)
{
    char room[2 * CONFIG_FOLDER_PATH];
    complaints_init(complaints);
    return config_load_text(config_folder_file(f, "forestgate.yaml", room), slice_str(text), out,
                            complaints);
}
