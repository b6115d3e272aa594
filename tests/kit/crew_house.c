#include "tests/kit/crew_house.h"

#include <stdio.h>
#include <sys/stat.h>

#include "tests/kit/certificates.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

static void
make_certificate(struct crew_house *h)
{
    char tls[2 * CONFIG_FOLDER_PATH], key[2 * CONFIG_FOLDER_PATH];
    certificates_make(config_folder_file(&h->folder, "tls", tls), "gw",
                      &(struct certificate_spec){.common_name = "gw.contoso.example",
                                                 .names = "DNS:gw.contoso.example"});
    chmod(config_folder_file(&h->folder, "tls/gw.key", key), 0600);
}

struct runtime *
crew_house_runtime(struct crew_house *h, const char *more_send)
{
    struct complaints complaints;
    struct config *config = NULL;
    struct runtime *r = NULL;
    struct err err;
    char text[4096];
    snprintf(text, sizeof text, "%s%s", config_folder_small, more_send);
    if (!config_folder_load(&h->folder, text, &config, &complaints))
        fail_msg("%s", buf_text(&complaints.text));
    complaints_fini(&complaints);
    if (!runtime_new(&config, &r, &err))
        fail_msg("%s", err.text);
    return r;
}

void
crew_house_init(struct crew_house *h)
{
    struct err err;
    *h = (struct crew_house){.loop = turns_loop()};
    config_folder_new(&h->folder);
    make_certificate(h);
    h->runtime = crew_house_runtime(h, "");
    custody_init(&h->custody);
    custody_open(&h->custody);
    h->shop.metrics = metrics_new();
    h->shop.admission = admission_new();
    h->shop.spool = h->custody.spool;
    if (!crew_new(&h->shop, 2, h->loop, h->runtime, &h->crew, &err))
        fail_msg("%s", err.text);
}

void
crew_house_fini(struct crew_house *h)
{
    crew_free(&h->crew);
    loop_free(&h->loop);
    runtime_unref(&h->runtime);
    admission_free(&h->shop.admission);
    metrics_free(&h->shop.metrics);
    custody_fini(&h->custody);
    config_folder_remove(&h->folder);
}
