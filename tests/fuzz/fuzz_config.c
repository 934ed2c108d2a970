/* fuzz_config.c - any bytes as config.json: refused with a message, or a configuration in order. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/format/json_read.h"
#include "lib/model/config.h"
#include "lib/model/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the rest of the program relies on without looking. */
static void check(const struct g4_text_config *text)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct g4_err err = {0};
    struct g4_config config, again;
    json_t *root;
    if (g4_json_parse(&root, (const char *)data, size, "f", &err) < 0) {
        assert(err.text[0] != '\0' && !strchr(err.text, '\n'));
        return 0;
    }
    if (g4_config_read(&config, root, "f", &err) == 0) {
        check(&config.text);
        assert(g4_config_read(&again, root, "f", &err) == 0 && g4_config_equal(&config, &again));
        g4_config_release(&again);
    } else {
        assert(err.text[0] != '\0' && !strchr(err.text, '\n') && !config.text.layer);
    }
    g4_config_release(&config);
    json_decref(root);
    return 0;
}
