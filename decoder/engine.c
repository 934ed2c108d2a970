/* engine.c - opening: the text part of a model, bound and checked. */
#include "decoder/engine.h"

#include <stdlib.h>

#include "decoder/forward.h"
#include "lib/base/mem.h"

int g4_engine_open(struct g4_engine **out, const struct g4_model *model, const struct g4_exec *exec,
                   struct g4_err *err)
{
    *out = NULL;
    const struct g4_text_config *config = &model->config.text;
    if (!config->present)
        return g4_err_set(err, G4_EUNSUPPORTED, "model '%s' has no text part", model->name);
    void *memory;
    int status = g4_alloc(&memory, 1, sizeof(struct g4_engine), "the engine", err);
    if (status < 0)
        return status;
    struct g4_engine *engine = memory;
    engine->model = model;
    engine->exec = exec;
    engine->config = config;
    status = g4_text_weights_open(&engine->weights, config, &model->weights, err);
    if (status < 0)
        g4_err_prefix(err, "model '%s'", model->name);
    if (status == 0)
        status = g4_alloc(&memory, 1, sizeof *engine->forward, "the engine", err);
    if (status < 0) {
        g4_engine_close(engine);
        return status;
    }
    engine->forward = memory;
    *out = engine;
    return 0;
}

void g4_engine_close(struct g4_engine *engine)
{
    if (!engine)
        return;
    if (engine->forward)
        g4_forward_release(engine->forward);
    free(engine->forward);
    g4_text_weights_close(&engine->weights);
    free(engine);
}

const struct g4_text_config *g4_engine_config(const struct g4_engine *engine)
{
    return engine->config;
}
