/*
 * sandbox.h - a process that reads untrusted media needs no network and starts no program.
 *
 * A seccomp filter (Linux; x86-64 and AArch64) makes these fail with EPERM for the rest of the
 * process: sockets, exec, fork (threads stay possible), ptrace and the memory of other processes,
 * io_uring, bpf, perf, keys, mounts, modules, namespaces. Open files and memory are not touched.
 */
#ifndef G4_ENCODERS_MEDIA_SANDBOX_H
#define G4_ENCODERS_MEDIA_SANDBOX_H

#include <stdbool.h>

#include "lib/base/err.h"

/* For all threads, for good. On a system without seccomp, or that refuses it, nothing happens and
 * *active is false (may be NULL). Only a half-made sandbox would be an error. */
int g4_sandbox_enter(bool *active, struct g4_err *err);

#endif
