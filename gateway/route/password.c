#include "gateway/route/password.h"

#include <crypt.h>
#include <errno.h>

#include "gateway/base/mem.h"
#include "tls/keyed_hash.h"

/* 32 KiB of work space that held the password: on the heap, and wiped. */
static struct crypt_data *
work_new(void)
{
    return mem_new(sizeof(struct crypt_data));
}

static void
work_free(struct crypt_data **work)
{
    if (*work != NULL)
        mem_wipe(*work, sizeof **work);
    mem_free(work);
}

/* The hash of password by the method and salt of setting, in work; NULL: crypt cannot. */
static const char *
hash_with(struct crypt_data *work, const char *password, const char *setting)
{
    return crypt_rn(password, setting, work, sizeof *work);
}

bool
password_hash(const char *password, struct buf *out, struct err *err)
{
    size_t len = strlen(password);
    if (len == 0)
        return err_set(err, ERR_SYNTAX, "the password is empty");
    if (len >= CRYPT_MAX_PASSPHRASE_SIZE)
        return err_set(err, ERR_LIMIT, "the password is longer than %d octets",
                       CRYPT_MAX_PASSPHRASE_SIZE - 1);

    struct crypt_data *work = work_new();
    if (work == NULL)
        return err_set(err, ERR_NOMEM, "no memory to hash a password");

    /* "$y$" is yescrypt; cost 0 its default; no octets given: from the system's random source. */
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *hash = NULL;
    if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof setting) != NULL)
        hash = hash_with(work, password, setting);
    if (hash != NULL)
        buf_put_str(out, hash);
    else
        err_sys(err, ERR_IO, "yescrypt");
    work_free(&work);
    return hash != NULL;
}

/* Strong enough by libxcrypt's own judgement: DES, MD5 ($1$), SHA-256 ($5$) and older are
 * "legacy" there. Reads only the method and salt, so it costs nothing. */
static bool
method_is_strong(const char *hash)
{
    return crypt_checksalt(hash) == CRYPT_SALT_OK;
}

enum password_result
password_check(const char *password, const char *const *hashes, size_t hash_count)
{
    enum password_result result = PASSWORD_CANNOT_CHECK;
    struct crypt_data *work = work_new();

    for (size_t i = 0; work != NULL && i < hash_count; i++) {
        if (!method_is_strong(hashes[i]))
            continue;
        errno = 0;
        const char *hash = hash_with(work, password, hashes[i]);
        bool is_too_long = hash == NULL && errno == ERANGE; /* nobody's password, then */
        if (hash == NULL && !is_too_long)
            continue;
        if (result == PASSWORD_CANNOT_CHECK)
            result = PASSWORD_WRONG;

        size_t len = strlen(hashes[i]);
        if (hash != NULL && strlen(hash) == len &&
            keyed_hash_same((const unsigned char *)hash, (const unsigned char *)hashes[i], len))
            result = PASSWORD_RIGHT;
    }
    work_free(&work);
    return result;
}

const char *
password_decoy(void)
{
    /* Made once by password_hash() from random octets that nobody kept. */
    return "$y$j9T$pkxnU2uDQ6x29HKpjM8DE/$FilK2J.l5beQYnXC0Xhnvu8snskstVUqg6glTdMD4W6";
}

bool
password_hash_is_usable(const char *hash, struct err *err)
{
    switch (crypt_checksalt(hash)) {
    case CRYPT_SALT_OK:
        break;
    case CRYPT_SALT_METHOD_LEGACY:
    case CRYPT_SALT_TOO_CHEAP:
        return err_set(err, ERR_CONFIG,
                       "the password hash is of a weak kind; make one with forestgate account "
                       "hash");
    default:
        return err_set(err, ERR_CONFIG,
                       "this is not a password hash; make one with forestgate account hash");
    }

    /* A hash that lost its end has a good beginning: only a trial shows its true length. */
    struct crypt_data *work = work_new();
    if (work == NULL)
        return err_set(err, ERR_NOMEM, "no memory to try a password hash");
    const char *trial = hash_with(work, "trial", hash);
    bool is_whole = trial != NULL && strlen(trial) == strlen(hash);
    work_free(&work);
    if (!is_whole)
        return err_set(err, ERR_CONFIG,
                       "the password hash is damaged or cut off; make one with forestgate "
                       "account hash");
    return true;
}
