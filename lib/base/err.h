/*
 * err.h - how a function says what went wrong.
 *
 * A fallible function returns 0 or a negative G4_E*, and fills its last parameter, a struct g4_err
 * of the caller. Texts are one line: lower case, no full stop, the subject in single quotes:
 *     cannot map 'x.safetensors': offset 123 beyond end
 * Only bin/ prints them. No error travels as data.
 */
#ifndef G4_BASE_ERR_H
#define G4_BASE_ERR_H

#include <stddef.h>

enum g4_error {
    G4_OK = 0,
    G4_EINPUT = -1,       /* the input is malformed, truncated or hostile */
    G4_EIO = -2,          /* the system refused: open, read, write, map, thread */
    G4_ENOMEM = -3,       /* memory */
    G4_EUNSUPPORTED = -4, /* well-formed, but not something this build can do */
    G4_ELIMIT = -5,       /* a limit with an option that lifts it */
    G4_EUSAGE = -6,       /* the caller (a person) asked for something contradictory: status 2 */
    G4_ENOTFOUND = -7,    /* nothing of that name */
};

struct g4_err {
    int code;       /* 0 or a negative enum g4_error */
    char text[768]; /* UTF-8, one line, control characters escaped; "" when code is 0 */
};

/*
 * Sets code and formatted text; returns code, so that `return g4_err_set(...)` reads well.
 * The whole text is made safe for a terminal: control characters and bytes that are not UTF-8
 * appear as \n, \t or \xHH. Long texts are cut at a character border. err may be NULL (nothing is
 * kept).
 */
int g4_err_set(struct g4_err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before an existing text, for callers that know the file the callee did not. */
int g4_err_prefix(struct g4_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The usual out-of-memory message: "cannot allocate N bytes for WHAT". Returns G4_ENOMEM. */
int g4_err_nomem(struct g4_err *err, size_t bytes, const char *what);

#endif
