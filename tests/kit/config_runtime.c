#include "tests/kit/config_runtime.h"

#include <stdio.h>
#include <sys/stat.h>

#include "tests/kit/certificates.h"
#include "tests/kit/test.h"

void
config_runtime_certificate(const struct config_folder *f, const char *where)
{
    char name[64], folder[2 * CONFIG_FOLDER_PATH], key[2 * CONFIG_FOLDER_PATH];
    snprintf(name, sizeof name, "%s/gw.key", where);
    certificates_make(config_folder_file(f, where, folder), "gw",
                      &(struct certificate_spec){.common_name = "gw.contoso.example",
                                                 .names = "DNS:gw.contoso.example"});
    chmod(config_folder_file(f, name, key), 0600);
}

struct runtime *
config_runtime_new(const struct config_folder *f, const char *text)
{
    struct complaints complaints;
    struct config *config = NULL;
    struct runtime *r = NULL;
    struct err err;
    if (!config_folder_load(f, text, &config, &complaints))
        fail_msg("%s", buf_text(&complaints.text));
    complaints_fini(&complaints);
    if (!runtime_new(&config, &r, &err))
        fail_msg("%s", err.text);
    return r;
}
