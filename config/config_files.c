#include "config/config_files.h"

#include <sys/stat.h>

/* FNV-1a: nobody gains by a collision. */
static uint64_t
add_number(uint64_t sum, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        sum = (sum ^ (number >> 8 * i & 0xff)) * UINT64_C(0x100000001B3);
    return sum;
}

/* The time of the last change to the inode stands for owner and mode. */
static uint64_t
add_file(uint64_t sum, const char *path)
{
    struct stat st;
    if (path == NULL || stat(path, &st) != 0)
        return add_number(sum, 0);
    const uint64_t facts[] = {
        (uint64_t)st.st_dev,          (uint64_t)st.st_ino,          (uint64_t)st.st_size,
        (uint64_t)st.st_mtim.tv_sec,  (uint64_t)st.st_mtim.tv_nsec, (uint64_t)st.st_ctim.tv_sec,
        (uint64_t)st.st_ctim.tv_nsec,
    };
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        sum = add_number(sum, facts[i]);
    return sum;
}

uint64_t
config_files_look(const struct config *c)
{
    uint64_t sum = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < c->certificate_count; i++) {
        sum = add_file(sum, c->certificates[i].certificate_file);
        sum = add_file(sum, c->certificates[i].key_file);
    }
    for (size_t i = 0; i < c->receive_count; i++)
        for (size_t a = 0; a < c->receive[i].account_count; a++)
            for (size_t h = 0; h < c->receive[i].accounts[a].hash_count; h++)
                sum = add_file(sum, c->receive[i].accounts[a].hash_files[h]);
    for (size_t i = 0; i < c->send_count; i++) {
        sum = add_file(sum, c->send[i].tls_ca_file);
        sum = add_file(sum, c->send[i].auth_password_file);
    }
    return sum;
}
