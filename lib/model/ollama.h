/*
 * ollama.h - models in Ollama's store, which is only read. Internal to discovery.
 *
 *     manifests/HOST/NAMESPACE/MODEL/TAG    JSON: layers [{mediaType, digest, size}]
 *     blobs/sha256-<64 hexadecimal digits>  a layer: a GGUF file, its towers, texts
 *
 * Names are those of Ollama: gemma4:e2b, gemma4 (tag latest), namespace/model:tag,
 * hf.co/org/repo:tag. They are compared with what lies in the store, never made a path.
 */
#ifndef G4_MODEL_OLLAMA_H
#define G4_MODEL_OLLAMA_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/model/scan.h"

/* Appends every manifest of the store at `root`, in the order of their bytes. No manifest is read.
 */
int g4_ollama_scan(struct g4_scan *scan, const char *root, struct g4_err *err);

/* 2: the name, in any case of letters, with the host, namespace and tag that Ollama assumes; 1:
 * `wanted` has no tag, and this is another of that model's; 0: not. */
int g4_ollama_match(const char *name, const char *wanted);

/*
 * Makes a candidate of the blob that a manifest names: path, companion. *tuned: the manifest has a
 * template, or is of Ollama's own library. G4_EINPUT: a manifest that is malformed, a digest that
 * is none, a blob that is missing, not yet whole or of another size; G4_EUNSUPPORTED: the model is
 * stored tensor by tensor, or is not on this machine at all. The candidate is unchanged then.
 */
int g4_ollama_resolve(struct g4_candidate *candidate, bool *tuned, struct g4_err *err);

#endif
