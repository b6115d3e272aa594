/*
 * Every dialogue of tests/dialogue/client is a test: as written, octet by octet, and with each
 * packet of the server cut in two at every place.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/mem.h"
#include "tests/kit/dialogue_client.h"
#include "tests/kit/test.h"

#define FOLDER "tests/dialogue/client"

enum { DIALOGUES_MAX = 300, CUTS_MAX = 400 };

static size_t
run(const struct dialogue *d, size_t first, size_t step)
{
    struct err err;
    size_t longest;

    if (!dialogue_run_client(d, (struct dialogue_cut){first, step}, &longest, &err))
        fail_msg("%s (packets cut at %zu, then every %zu)", err.text, first, step);
    return longest;
}

static void
run_dialogue(void **state)
{
    struct dialogue d;
    struct err err;

    if (!dialogue_load(&d, *state, 'S', &err))
        fail_msg("%s", err.text);
    size_t longest = run(&d, SIZE_MAX, SIZE_MAX);
    run(&d, 0, 1);
    run(&d, 0, 3);
    for (size_t cut = 1; cut < longest && cut < CUTS_MAX; cut++)
        run(&d, cut, SIZE_MAX);
    dialogue_fini(&d);
}

static int
is_dialogue(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".dlg") == 0;
}

int
main(void)
{
    static struct CMUnitTest tests[DIALOGUES_MAX];
    static char paths[DIALOGUES_MAX][300];
    struct dirent **files;
    int count = scandir(FOLDER, &files, is_dialogue, alphasort);

    if (count <= 0 || count > DIALOGUES_MAX) {
        fprintf(stderr, "%d dialogues in %s\n", count, FOLDER);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", FOLDER, files[i]->d_name);
        tests[i] = (struct CMUnitTest){.name = paths[i] + sizeof FOLDER,
                                       .test_func = run_dialogue,
                                       .initial_state = paths[i]};
        free(files[i]);
    }
    free(files);
    return _cmocka_run_group_tests("dialogues", tests, (size_t)count, NULL, NULL);
}
