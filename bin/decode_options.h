/*
 * decode_options.h - the options of g4-decode, parsed and checked.
 */
#ifndef G4_BIN_DECODE_OPTIONS_H
#define G4_BIN_DECODE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/opt.h"

enum g4_decode_each { G4_EACH_NO, G4_EACH_UNIT, G4_EACH_SEGMENT, G4_EACH_SOURCE };
enum g4_decode_format { G4_FORMAT_TEXT, G4_FORMAT_TSV, G4_FORMAT_JSONL, G4_FORMAT_JSON };
enum g4_decode_think { G4_THINK_OFF, G4_THINK_HIDE, G4_THINK_SHOW, G4_THINK_ONLY };

struct g4_decode_options {
    /* as typed */
    const char *mmproj; /* so that one list of options suits all programs */
    const char *model, *output, *prompt_argument, *prompt_file, *system, *each_argument, *place;
    const char *think_argument, *seed_argument;
    bool overwrite, quiet, raw, dry_run, no_media, force, keep_going, ids, greedy;
    int verbose;
    int64_t threads, max_tokens, context, top_k;
    int64_t batch; /* 0: not given, until g4_decode_check */
    double temperature, top_p, min_p, repeat_penalty;
    struct g4_opt_list stop;
    uint64_t max_prompt;
    int format; /* enum g4_decode_format */

    /* resolved by g4_decode_check */
    enum g4_decode_each each;
    enum g4_decode_think think;
    uint64_t seed;
    char *prompt; /* NULL = none; owned */
    size_t prompt_bytes;
};

enum { G4_DECODE_TABLE = 64, G4_DECODE_BATCH = 16 };

/* Defaults, and the option table that writes into `options`. */
void g4_decode_table(struct g4_opt table[G4_DECODE_TABLE], struct g4_decode_options *options);

/* After parsing: what contradicts, the prompt from --prompt-file, the seed. operands: number of
 * streams named. */
int g4_decode_check(struct g4_decode_options *options, size_t operands, struct g4_err *err);
void g4_decode_options_release(struct g4_decode_options *options);

#endif
