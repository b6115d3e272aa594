/*
 * config_folder.h - a folder with everything that the configurations of tests name.
 *
 *     tls/gw.pem tls/gw.key tls/fabrikam-ca.pem       empty; nobody looks into them
 *     secrets/contoso secrets/fabrikam                passwords
 *     secrets/contoso.hash contoso-next.hash fabrikam.hash
 */
#ifndef KIT_CONFIG_FOLDER_H
#define KIT_CONFIG_FOLDER_H

#include <sys/stat.h>

#include "config/config_load.h"

/* What is in the secret files, and may appear nowhere else. */
#define CONFIG_FOLDER_PASSWORD "Tr0ub4dor&3"
#define CONFIG_FOLDER_HASH "$y$j9T$abcdefghijklmnop$0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

enum { CONFIG_FOLDER_PATH = 64 };

struct config_folder {
    char path[CONFIG_FOLDER_PATH];
};

/* Aborts when it cannot. */
void config_folder_new(struct config_folder *f);
void config_folder_remove(struct config_folder *f);

/* A file in the folder, over what was there. */
void config_folder_write(const struct config_folder *f, const char *name, struct slice content,
                         mode_t mode);

/* folder/name, in a room of its own until the next call. */
const char *config_folder_file(const struct config_folder *f, const char *name,
                               char room[2 * CONFIG_FOLDER_PATH]);

/* The smallest configuration that does something: two forests, all else by default. */
extern const char config_folder_small[];

/* Load text as if it were forestgate.yaml in the folder. complaints is initialised here. */
bool config_folder_load(const struct config_folder *f, const char *text, struct config **out,
                        struct complaints *complaints);

#endif
