/* Whatever the bytes: a config or complaints, and never both in contradiction. What loads is
 * shown, what is shown loads, and is shown the same. */
#include <stdlib.h>

#include "config/config_show.h"
#include "tests/kit/config_folder.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct config_folder folder;

static void
remove_folder(void)
{
    config_folder_remove(&folder);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    config_folder_new(&folder);
    return atexit(remove_folder);
}

/* NULL: refused. */
static struct config *
load(struct slice text)
{
    char path[2 * CONFIG_FOLDER_PATH];
    struct complaints complaints;
    struct config *config = NULL;

    complaints_init(&complaints);
    config_folder_file(&folder, "forestgate.yaml", path);
    bool good = config_load_text(path, text, &config, &complaints);
    must(good == (config != NULL) && good == (complaints.errors == 0));
    must(buf_ok(&complaints.text));
    must(good || complaints.text.len > 0);
    complaints_fini(&complaints);
    return config;
}

static void
show(struct config *config, struct buf *out)
{
    buf_init(out, 8 << 20);
    config_show(config, out);
    must(buf_ok(out));
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct buf first, second;
    struct config *config = load(slice((const char *)data, size));
    if (config == NULL)
        return 0;
    show(config, &first);
    config_unref(&config);

    config = load(buf_slice(&first));
    must(config != NULL);
    show(config, &second);
    config_unref(&config);
    must(slice_equal(buf_slice(&first), buf_slice(&second)));
    buf_fini(&first);
    buf_fini(&second);
    return 0;
}
