#include "tests/kit/crew_house.h"

#include <stdio.h>

#include "tests/kit/config_runtime.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

struct runtime *
crew_house_runtime(struct crew_house *h, const char *more_send)
{
    char text[4096];
    snprintf(text, sizeof text, "%s%s", config_folder_small, more_send);
    return config_runtime_new(&h->folder, text);
}

void
crew_house_init(struct crew_house *h)
{
    struct err err;
    *h = (struct crew_house){.loop = turns_loop()};
    config_folder_new(&h->folder);
    config_runtime_certificate(&h->folder, "tls");
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
