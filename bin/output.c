/* output.c - stdout, or a temporary that becomes the file. */
#include "bin/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/log.h"

enum { MAX_OPEN = 16, MAX_LINKS = 40, MAX_TRIES = 1000 };

/* Temporaries, and folders made for them, that a signal must remove. Fixed memory: the handler may
 * run at any moment, on any thread, and must never see a freed name. */
static struct {
    atomic_int used;
    char path[PATH_MAX];
} temporaries[MAX_OPEN];

static void on_signal(int number)
{
    for (int i = MAX_OPEN - 1; i >= 0; i--) /* a folder comes before what lies in it */
        if (atomic_load(&temporaries[i].used) && unlink(temporaries[i].path) < 0)
            rmdir(temporaries[i].path);
    /* SA_RESETHAND has put the default action back. */
    raise(number);
}

static void watch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    static bool watching;
    if (watching)
        return;
    watching = true;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction now,
            action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
        sigemptyset(&action.sa_mask);
        /* nohup and background jobs come with these ignored, and stay so. */
        if (sigaction(numbers[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
            sigaction(numbers[i], &action, NULL);
    }
}

static bool watch(const char *path)
{
    size_t n = strlen(path) + 1;
    for (int i = 0; i < MAX_OPEN && n <= PATH_MAX; i++) {
        if (!atomic_load(&temporaries[i].used)) {
            memcpy(temporaries[i].path, path, n);
            atomic_store(&temporaries[i].used, 1);
            return true;
        }
    }
    return false;
}

static void unwatch(const char *path)
{
    for (int i = 0; i < MAX_OPEN; i++)
        if (atomic_load(&temporaries[i].used) && strcmp(temporaries[i].path, path) == 0)
            atomic_store(&temporaries[i].used, 0);
}

void g4_output_startup(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            int got = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
            if (got >= 0 && got != fd)
                close(got);
        }
    }
}

static int refuse(struct g4_output *out, struct g4_err *err, int code, const char *why)
{
    return g4_err_set(err, code, "%s: %s", out->name, why);
}

/* Names that stand for a descriptor we already have: its number, else -1. */
static int named_descriptor(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(folders[i]);
        if (strncmp(path, folders[i], n) != 0)
            continue;
        const char *digits = path + n;
        size_t count = strspn(digits, "0123456789");
        if (count > 0 && count < 9 && digits[count] == '\0')
            return atoi(digits);
    }
    return -1;
}

/* What the link at `path` names, relative to the link's folder; NULL with errno set. */
static char *link_target(const char *path)
{
    char target[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0)
        return NULL;
    target[n] = '\0';
    const char *slash = strrchr(path, '/');
    size_t folder = target[0] == '/' || slash == NULL ? 0 : (size_t)(slash - path) + 1;
    char *joined = malloc(folder + (size_t)n + 1);
    if (joined != NULL) {
        memcpy(joined, path, folder);
        memcpy(joined + folder, target, (size_t)n + 1);
    }
    return joined;
}

/* Follows links to the name that is to be replaced, which need not exist. */
static int follow_links(struct g4_output *out, struct g4_err *err)
{
    struct stat st;
    for (int i = 0; named_descriptor(out->path) < 0; i++) {
        if (lstat(out->path, &st) < 0 || !S_ISLNK(st.st_mode))
            return 0;
        if (i == MAX_LINKS)
            return refuse(out, err, G4_EIO, strerror(ELOOP));
        char *next = link_target(out->path);
        if (next == NULL)
            return refuse(out, err, G4_EIO, strerror(errno));
        free(out->path);
        out->path = next;
    }
    return 0;
}

/* ".NAME.PID-N.tmp" in the folder of the file. */
static int create_temporary(struct g4_output *out, mode_t mode, bool replaces, struct g4_err *err)
{
    const char *slash = strrchr(out->path, '/');
    int folder = slash == NULL ? 0 : (int)(slash - out->path) + 1;
    size_t size = strlen(out->path) + 64;
    out->temporary = malloc(size);
    if (out->temporary == NULL)
        return g4_err_nomem(err, size, out->name);
    watch_signals();
    for (unsigned i = 0; i < MAX_TRIES; i++) {
        snprintf(out->temporary, size, "%.*s.%.200s.%ld-%u.tmp", folder, out->path,
                 out->path + folder, (long)getpid(), i);
        /* Before the file exists: no moment in which a signal would leave it behind. */
        if (!watch(out->temporary)) {
            errno = ENAMETOOLONG;
            break;
        }
        out->fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (out->fd >= 0) {
            if (replaces)
                fchmod(out->fd, mode & 0777);
            return 0;
        }
        unwatch(out->temporary);
        if (errno != EEXIST)
            break;
    }
    int reason = errno;
    free(out->temporary);
    out->temporary = NULL;
    return g4_err_set(err, G4_EIO, "%s: cannot create: %s", out->name, strerror(reason));
}

static int open_path(struct g4_output *out, struct g4_err *err)
{
    int status = follow_links(out, err);
    if (status < 0)
        return status;
    int number = named_descriptor(out->path);
    struct stat st;
    if (number >= 0) {
        out->fd = fcntl(number, F_DUPFD_CLOEXEC, 3);
    } else if (stat(out->path, &st) == 0 && !S_ISREG(st.st_mode)) {
        if (S_ISDIR(st.st_mode))
            return refuse(out, err, G4_EIO, "is a directory");
        do
            out->fd = open(out->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        while (out->fd < 0 && errno == EINTR);
    } else {
        const char *slash = strrchr(out->path, '/');
        bool exists = stat(out->path, &st) == 0;
        if (slash != NULL && slash[1] == '\0')
            return refuse(out, err, G4_EIO, "is a directory");
        if (exists && !out->force)
            return refuse(out, err, G4_EIO, "exists already (-f replaces it)");
        return create_temporary(out, exists ? st.st_mode : 0, exists, err);
    }
    if (out->fd < 0)
        return g4_err_set(err, G4_EIO, "%s: cannot open: %s", out->name, strerror(errno));
    free(out->path);
    out->path = NULL;
    return 0;
}

int g4_output_open(struct g4_output *out, const char *path, bool force, struct g4_err *err)
{
    *out = (struct g4_output){.fd = -1, .force = force};
    bool to_stdout = path == NULL || strcmp(path, "-") == 0;
    size_t size = to_stdout ? sizeof "stdout" : strlen(path) + 3;
    out->name = malloc(size);
    if (out->name == NULL)
        return g4_err_nomem(err, size, "the name of the output");
    snprintf(out->name, size, to_stdout ? "stdout" : "'%s'", path);
    if (to_stdout) {
        out->fd = STDOUT_FILENO;
        return 0;
    }
    int status;
    out->path = strdup(path);
    if (out->path == NULL)
        status = g4_err_nomem(err, size, out->name);
    else if (path[0] == '\0')
        status = refuse(out, err, G4_EUSAGE, "empty name of an output");
    else
        status = open_path(out, err);
    if (status < 0)
        g4_output_discard(out);
    return status;
}

int g4_output_refuse_terminal(const struct g4_output *out, const char *what, struct g4_err *err)
{
    if (!isatty(out->fd))
        return 0;
    return g4_err_set(err, G4_EUSAGE, "%s is not for a terminal: use a pipe, > FILE or -o FILE",
                      what);
}

FILE *g4_output_file(struct g4_output *out)
{
    if (out->file == NULL)
        out->file = out->fd == STDOUT_FILENO ? stdout : fdopen(out->fd, "w");
    return out->file;
}

int g4_output_write(struct g4_output *out, const void *bytes, size_t n, struct g4_err *err)
{
    int status = g4_write_full(out->fd, bytes, n, err);
    if (status < 0)
        g4_err_prefix(err, "%s", out->name);
    return status;
}

/* Flushes what stdio holds. stdout is flushed even if nobody asked for its FILE: help went there.
 */
static int flush(struct g4_output *out, struct g4_err *err)
{
    FILE *file = out->fd == STDOUT_FILENO ? stdout : out->file;
    if (file == NULL)
        return 0;
    errno = 0;
    if (fflush(file) == 0 && !ferror(file))
        return 0;
    return g4_err_set(err, G4_EIO, "%s: cannot write: %s", out->name,
                      strerror(errno ? errno : EIO));
}

/* Without force the file must still be absent: link() fails when somebody made it meanwhile. */
static int put_in_place(struct g4_output *out, struct g4_err *err)
{
    if (!out->force) {
        if (link(out->temporary, out->path) == 0) {
            unlink(out->temporary);
            return 0;
        }
        if (errno == EEXIST)
            return refuse(out, err, G4_EIO, "exists already (-f replaces it)");
        /* Some file systems have no links. */
    }
    if (rename(out->temporary, out->path) == 0)
        return 0;
    return g4_err_set(err, G4_EIO, "%s: cannot rename: %s", out->name, strerror(errno));
}

/* Closes the descriptor once, through stdio if it is stdio's. */
static int close_descriptor(struct g4_output *out)
{
    int fd = out->fd, rc;
    FILE *file = out->file;
    out->fd = -1;
    out->file = NULL;
    if (fd < 0)
        return 0;
    if (file != NULL && file != stdout)
        rc = fclose(file);
    else
        rc = close(fd);
    return rc < 0 && errno != EINTR ? -1 : 0;
}

int g4_output_commit(struct g4_output *out, struct g4_err *err)
{
    int status = flush(out, err);
    out->reader_gone = status < 0 && g4_output_reader_gone(out);
    if (status == 0 && out->temporary != NULL && fsync(out->fd) < 0 && errno != EINVAL)
        status = g4_err_set(err, G4_EIO, "%s: cannot write: %s", out->name, strerror(errno));
    if (close_descriptor(out) < 0 && status == 0)
        status = g4_err_set(err, G4_EIO, "%s: cannot close: %s", out->name, strerror(errno));
    if (status == 0 && out->temporary != NULL) {
        status = put_in_place(out, err);
        if (status == 0) {
            unwatch(out->temporary);
            free(out->temporary);
            out->temporary = NULL;
        }
    }
    g4_output_discard(out);
    return status;
}

void g4_output_discard(struct g4_output *out)
{
    if (out->temporary != NULL) {
        unlink(out->temporary);
        unwatch(out->temporary);
    }
    /* Without a name it was never opened, and fd of a zeroed struct is somebody's stdin. */
    if (out->name != NULL && out->fd == STDOUT_FILENO)
        fflush(stdout);
    else if (out->name != NULL)
        close_descriptor(out);
    free(out->name);
    free(out->path);
    free(out->temporary);
    *out = (struct g4_output){.fd = -1, .reader_gone = out->reader_gone};
}

int g4_output_make_folder(const char *path, bool *made, struct g4_err *err)
{
    *made = false;
    watch_signals();
    if (!watch(path)) {
        errno = ENAMETOOLONG;
    } else if (mkdir(path, 0777) == 0) {
        *made = true;
        return 0;
    } else {
        unwatch(path);
    }
    return g4_err_set(err, G4_EIO, "'%s': cannot make the folder: %s", path, strerror(errno));
}

void g4_output_end_folder(const char *path, bool stays)
{
    if (!stays)
        rmdir(path);
    unwatch(path);
}

bool g4_output_reader_gone(const struct g4_output *out)
{
    struct pollfd p = {.fd = out->fd, .events = POLLOUT};
    if (out->reader_gone)
        return true;
    return out->name != NULL && out->fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0;
}

int g4_output_report(const struct g4_output *out, const struct g4_err *err)
{
    if (!out || !g4_output_reader_gone(out))
        g4_log_error(err);
    return err->code == G4_EUSAGE ? 2 : 1;
}

int g4_output_close_stdout(void)
{
    struct g4_output out;
    struct g4_err err = {0};
    if (g4_output_open(&out, NULL, false, &err) < 0 || g4_output_commit(&out, &err) < 0)
        return g4_output_report(&out, &err);
    return 0;
}
