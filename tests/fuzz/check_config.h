/* check_config.h - what the rest of the program relies on in a configuration, without looking. */
#ifndef G4_TESTS_FUZZ_CHECK_CONFIG_H
#define G4_TESTS_FUZZ_CHECK_CONFIG_H

#include <assert.h>

#include "lib/model/config.h"
#include "lib/model/summary.h"

static inline void check_text_config(const struct g4_text_config *text)
{
    assert(text->num_hidden_layers > 0 && text->hidden_size > 0 && text->sliding_window > 0);
    for (size_t i = 0; i < text->num_hidden_layers; i++) {
        const struct g4_layer_config *layer = &text->layer[i];
        assert(layer->source <= i && text->layer[layer->source].source == layer->source);
        assert(text->layer[layer->source].head_dim == layer->head_dim);
        assert(text->layer[layer->source].kv_heads == layer->kv_heads);
        assert(layer->head_dim % 2 == 0 && text->num_attention_heads % layer->kv_heads == 0);
    }
    assert(g4_cache_bytes(text, text->max_position_embeddings) > 0);
}

#endif
