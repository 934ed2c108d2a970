/*
 * sandbox.c - a seccomp filter without libseccomp.
 *
 * The program, in the order of the filter: another architecture's system call (x32, i386) -> EPERM;
 * clone3 -> ENOSYS, so that the C library falls back to clone, whose flags can be seen; clone
 * without CLONE_VM (fork) -> EPERM; a call of the list -> EPERM; everything else -> allowed.
 */
#include "encoders/media/sandbox.h"

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define RETURN(what)          BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSE(error)         RETURN(SECCOMP_RET_ERRNO | ((error)&SECCOMP_RET_DATA))

/* x32 calls carry this bit under the same architecture. */
#define X32_BIT 0x40000000u

static const unsigned refused[] = {
    SYS_socket,
    SYS_socketpair,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_execve,
    SYS_execveat,
#ifdef SYS_fork
    SYS_fork,
#endif
#ifdef SYS_vfork
    SYS_vfork,
#endif
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
#ifdef SYS_io_uring_setup
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
#endif
#ifdef SYS_pidfd_getfd
    SYS_pidfd_getfd,
#endif
#ifdef SYS_open_by_handle_at
    SYS_open_by_handle_at,
#endif
};

enum { REFUSED = sizeof refused / sizeof *refused, FIXED = 16, LONGEST = FIXED + 2 * REFUSED };

static size_t build(struct sock_filter *code)
{
    const struct sock_filter begin[] = {
        LOAD(arch),
        EQUAL(ARCHITECTURE, 1, 0),
        REFUSE(EPERM),
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
        REFUSE(EPERM),
#ifdef SYS_clone3
        EQUAL(SYS_clone3, 0, 1),
        REFUSE(ENOSYS),
#endif
        EQUAL(SYS_clone, 0, 4),
        LOAD(args[0]), /* the flags; both architectures are little-endian here */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_VM, 0, 1),
        RETURN(SECCOMP_RET_ALLOW),
        REFUSE(EPERM),
    };
    size_t n = sizeof begin / sizeof *begin;
    _Static_assert(sizeof begin / sizeof *begin < FIXED, "room for the fixed part");
    memcpy(code, begin, sizeof begin);
    for (size_t i = 0; i < REFUSED; i++) {
        code[n++] = (struct sock_filter)EQUAL(refused[i], 0, 1);
        code[n++] = (struct sock_filter)REFUSE(EPERM);
    }
    code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    return n;
}

int g4_sandbox_enter(bool *active, struct g4_err *err)
{
    if (active)
        *active = false;
    struct sock_filter code[LONGEST];
    struct sock_fprog program = {(unsigned short)build(code), code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return 0;
    /* All threads at once; a thread that cannot be brought in would be a hole. */
    long rest = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    if (rest > 0)
        return g4_err_set(err, G4_EIO,
                          "cannot enter the sandbox: thread %ld has one of its own "
                          "(--no-sandbox: none)",
                          rest);
    if (active)
        *active = rest == 0;
    return 0;
}

#else

int g4_sandbox_enter(bool *active, struct g4_err *err)
{
    (void)err;
    if (active)
        *active = false;
    return 0;
}

#endif
