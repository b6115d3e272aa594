/*
 * document.h - a set-up as a document: what must be known first, and steps in the order in which
 * they are done, each with why, how to check it and how to undo it.
 *
 * hub_*.c and legacy_*.c write it; print_script.c, print_steps.c and print_html.c show it. Texts
 * are plain: whoever prints escapes them for his medium. Values inside shell, command and
 * registry blocks must have been quoted by quote.h when they were put there.
 *
 * Building never fails in the caller's face: what does not fit, or for which there is no memory,
 * is remembered; ask exchange_document_ok() once at the end.
 */
#ifndef EXCHANGE_DOCUMENT_H
#define EXCHANGE_DOCUMENT_H

#include "gateway/base/arena.h"
#include "gateway/base/must.h"
#include "gateway/exchange/version.h"

enum {
    EXCHANGE_STEPS_MAX = 48,
    EXCHANGE_PARAMETERS_MAX = 24,
    EXCHANGE_DOCUMENT_MAX = 4 * 1024 * 1024, /* octets of text */
};

enum exchange_block_kind {
    EXCHANGE_TEXT,     /* a sentence for people */
    EXCHANGE_FIELD,    /* a value in a dialogue: label is where it stands */
    EXCHANGE_SHELL,    /* lines of PowerShell */
    EXCHANGE_COMMAND,  /* a line for cmd.exe */
    EXCHANGE_REGISTRY, /* lines of a .reg file; label is its name */
};

struct exchange_block {
    enum exchange_block_kind kind;
    const char *label; /* NULL, or as the kind says */
    const char
        *text; /* lines end with \n, the last one too; TEXT and FIELD are one line without */
};

/* What is done, how it is checked, how it is undone. */
enum exchange_part { EXCHANGE_DO, EXCHANGE_CHECK, EXCHANGE_UNDO, EXCHANGE_PARTS };

/* As many as there are domains: only the size of the document bounds them. */
struct exchange_blocks {
    struct exchange_block *at;
    size_t count;
    size_t room;
};

struct exchange_step {
    const char *title; /* "Receive connector for the gateway" */
    const char *why;   /* sentences */
    const char
        *unconfirmed; /* what nobody here has seen: "check on your system"; NULL: nothing */
    bool is_optional; /* only under the condition that `why` names */
    struct exchange_blocks parts[EXCHANGE_PARTS];
};

/* A value that the configuration of the gateway cannot know, or knows only a proposal for. */
struct exchange_parameter {
    const char *name;     /* "GatewayAddress": a PowerShell variable, a word in the steps */
    const char *type;     /* "string", "string[]", "switch": of PowerShell */
    const char *proposal; /* PowerShell literal; NULL: it must be given */
    const char *meaning;  /* one sentence */
};

struct exchange_document {
    enum exchange_version version;
    const char *forest;  /* as the configuration names it */
    const char *gateway; /* host name */
    const char *summary; /* sentences: what this set-up is for */
    const char *prelude; /* PowerShell that the steps' shell blocks need; "" = none */
    struct exchange_parameter parameters[EXCHANGE_PARAMETERS_MAX];
    size_t parameter_count;
    struct exchange_step steps[EXCHANGE_STEPS_MAX];
    size_t step_count;
    struct arena arena;
    bool over; /* something did not fit */
};

/* NULL: no memory. */
struct exchange_document *exchange_document_new(enum exchange_version version, const char *forest,
                                                const char *gateway);
void exchange_document_free(struct exchange_document **d);
bool exchange_document_ok(const struct exchange_document *d);

/* Text that lives as long as the document. Never NULL: "" when there is no room. */
const char *exchange_text(struct exchange_document *d, const char *fmt, ...) PRINTF_LIKE(2, 3);

void exchange_parameter(struct exchange_document *d, const char *name, const char *type,
                        const char *proposal, const char *meaning);

/* Begin the next step; what follows belongs to it. Text arguments are kept, not copied: literals,
 * or made by exchange_text() and the functions of quote.h. */
void exchange_step(struct exchange_document *d, const char *title, const char *why);
void exchange_step_is_optional(struct exchange_document *d);
/* More than one are joined. */
void exchange_unconfirmed(struct exchange_document *d, const char *what);

/* Put a block into a part of the step. Text is made as by exchange_text(). */
void exchange_put(struct exchange_document *d, enum exchange_part part,
                  enum exchange_block_kind kind, const char *label, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

#endif
