/* config_write.c - objects of members, one for each part; then a look at what was made. */
#include "lib/model/config_write.h"

#include <stdio.h>
#include <stdlib.h>

static const char full_type[] = "full_attention", sliding_type[] = "sliding_attention";

/* The double that reads like the float: 0.1f is 0.1. */
static double plain(float value)
{
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    return strtod(text, NULL);
}

/* A size; none of them is beyond the limits of config.json. */
static json_t *size(size_t n)
{
    return json_integer((json_int_t)n);
}

/* ------------------------------------------------------------ text */

/* What several layers are resolved from. */
struct rules {
    size_t head_dim[2], kv_heads[2]; /* of sliding, of full layers */
    size_t intermediate;
    bool double_wide, k_is_v;
};

static struct rules find_rules(const struct g4_text_config *text)
{
    struct rules r = {.intermediate = text->layer[0].intermediate_size};
    for (size_t i = 0; i < text->num_hidden_layers; i++) {
        const struct g4_layer_config *l = &text->layer[i];
        if (r.head_dim[l->full] == 0) {
            r.head_dim[l->full] = l->head_dim;
            r.kv_heads[l->full] = l->kv_heads;
        }
        r.k_is_v |= l->k_is_v;
        r.double_wide |= i >= text->first_shared && l->intermediate_size == 2 * r.intermediate;
    }
    if (r.head_dim[0] == 0) { /* no sliding layer */
        r.head_dim[0] = r.head_dim[1];
        r.kv_heads[0] = r.kv_heads[1];
    }
    return r;
}

/* Heads of full layers have a member of their own only where keys are values. */
static size_t kv_heads_of(const struct rules *r, bool full)
{
    return r->kv_heads[full && r->k_is_v];
}

/* NULL when out of memory, or when no layer is an exception. */
static json_t *write_exceptions(const struct g4_text_config *text, const struct rules *r)
{
    json_t *all = json_object();
    for (size_t i = 0; i < text->num_hidden_layers; i++) {
        const struct g4_layer_config *l = &text->layer[i];
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        if (l->head_dim != r->head_dim[l->full] || l->kv_heads != kv_heads_of(r, l->full))
            json_object_set_new(all, key,
                                json_pack("{s:o, s:o}", "head_dim", size(l->head_dim),
                                          "num_key_value_heads", size(l->kv_heads)));
    }
    if (json_object_size(all) > 0)
        return all;
    json_decref(all);
    return NULL;
}

static json_t *write_rope(const struct g4_rope_config *rope)
{
    json_t *object = json_pack("{s:s, s:f}", "rope_type",
                               rope->partial_rotary_factor == 1 ? "default" : "proportional",
                               "rope_theta", rope->theta);
    if (rope->partial_rotary_factor != 1)
        json_object_set_new(object, "partial_rotary_factor",
                            json_real(rope->partial_rotary_factor));
    return object;
}

static void write_layers(json_t *out, const struct g4_text_config *text)
{
    const struct rules r = find_rules(text);
    json_t *types = json_array(), *exceptions = write_exceptions(text, &r);
    for (size_t i = 0; i < text->num_hidden_layers; i++)
        json_array_append_new(types, json_string(text->layer[i].full ? full_type : sliding_type));
    json_object_set_new(out, "layer_types", types);
    json_object_set_new(out, "head_dim", size(r.head_dim[0]));
    json_object_set_new(out, "global_head_dim", size(r.head_dim[1]));
    json_object_set_new(out, "num_key_value_heads", size(r.kv_heads[0]));
    json_object_set_new(out, "num_global_key_value_heads",
                        r.k_is_v ? size(r.kv_heads[1]) : json_null());
    json_object_set_new(out, "attention_k_eq_v", json_boolean(r.k_is_v));
    json_object_set_new(out, "intermediate_size", size(r.intermediate));
    json_object_set_new(out, "use_double_wide_mlp", json_boolean(r.double_wide));
    json_object_set_new(out, "num_kv_shared_layers",
                        size(text->num_hidden_layers - text->first_shared));
    if (exceptions)
        json_object_set_new(out, "per_layer_config", exceptions);
}

static json_t *write_text(const struct g4_text_config *text, bool unified)
{
    json_t *out = json_object();
    json_object_set_new(out, "model_type",
                        json_string(unified ? "gemma4_unified_text" : "gemma4_text"));
    json_object_set_new(out, "hidden_size", size(text->hidden_size));
    json_object_set_new(out, "num_hidden_layers", size(text->num_hidden_layers));
    json_object_set_new(out, "num_attention_heads", size(text->num_attention_heads));
    write_layers(out, text);
    json_object_set_new(out, "hidden_size_per_layer_input",
                        size(text->hidden_size_per_layer_input));
    json_object_set_new(out, "vocab_size", size(text->vocab_size));
    json_object_set_new(out, "pad_token_id", json_integer(text->pad_token_id));
    json_object_set_new(out, "sliding_window", size(text->sliding_window));
    json_object_set_new(out, "max_position_embeddings", size(text->max_position_embeddings));
    json_object_set_new(out, "rms_norm_eps", json_real(plain(text->rms_norm_eps)));
    json_object_set_new(out, "final_logit_softcapping",
                        json_real(plain(text->final_logit_softcapping)));
    json_object_set_new(out, "hidden_activation", json_string("gelu_pytorch_tanh"));
    json_object_set_new(out, "attention_bias", json_false());
    json_object_set_new(out, "use_bidirectional_attention",
                        text->image_blocks ? json_string("vision") : json_null());
    json_object_set_new(out, "rope_parameters",
                        json_pack("{s:o, s:o}", full_type, write_rope(&text->rope_full),
                                  sliding_type, write_rope(&text->rope_sliding)));
    json_object_set_new(out, "enable_moe_block", json_boolean(text->num_experts > 0));
    if (text->num_experts > 0) {
        json_object_set_new(out, "num_experts", size(text->num_experts));
        json_object_set_new(out, "top_k_experts", size(text->top_k_experts));
        json_object_set_new(out, "moe_intermediate_size", size(text->moe_intermediate_size));
    }
    return out;
}

/* ------------------------------------------------------------ towers */

static json_t *write_vision(const struct g4_vision_config *v)
{
    json_t *out = json_pack("{s:s, s:o, s:o, s:f}", "model_type",
                            v->unified ? "gemma4_unified_vision" : "gemma4_vision", "patch_size",
                            size(v->patch_size), "pooling_kernel_size",
                            size(v->pooling_kernel_size), "rms_norm_eps", plain(v->rms_norm_eps));
    if (v->unified) {
        json_object_set_new(out, "mm_embed_dim", size(v->mm_embed_dim));
        json_object_set_new(out, "mm_posemb_size", size(v->position_embedding_size));
        json_object_set_new(out, "num_soft_tokens", size(v->default_output_length));
        return out;
    }
    json_object_set_new(out, "hidden_size", size(v->hidden_size));
    json_object_set_new(out, "intermediate_size", size(v->intermediate_size));
    json_object_set_new(out, "num_hidden_layers", size(v->num_hidden_layers));
    json_object_set_new(out, "num_attention_heads", size(v->num_attention_heads));
    json_object_set_new(out, "num_key_value_heads", size(v->num_attention_heads));
    json_object_set_new(out, "head_dim", size(v->head_dim));
    json_object_set_new(out, "position_embedding_size", size(v->position_embedding_size));
    json_object_set_new(out, "default_output_length", size(v->default_output_length));
    json_object_set_new(out, "use_clipped_linears", json_boolean(v->use_clipped_linears));
    json_object_set_new(out, "standardize", json_boolean(v->standardize));
    json_object_set_new(out, "hidden_activation", json_string("gelu_pytorch_tanh"));
    json_object_set_new(out, "rope_parameters",
                        json_pack("{s:s, s:f}", "rope_type", "default", "rope_theta",
                                  v->rope_theta));
    return out;
}

static json_t *write_audio(const struct g4_audio_config *a)
{
    json_t *out =
        json_pack("{s:s, s:f}", "model_type", a->unified ? "gemma4_unified_audio" : "gemma4_audio",
                  "rms_norm_eps", plain(a->rms_norm_eps));
    if (a->unified) {
        json_object_set_new(out, "audio_embed_dim", size(a->audio_embed_dim));
        return out;
    }
    json_object_set_new(out, "hidden_size", size(a->hidden_size));
    json_object_set_new(out, "num_hidden_layers", size(a->num_hidden_layers));
    json_object_set_new(out, "num_attention_heads", size(a->num_attention_heads));
    json_object_set_new(out, "subsampling_conv_channels",
                        json_pack("[o, o]", size(a->conv_channels[0]), size(a->conv_channels[1])));
    json_object_set_new(out, "conv_kernel_size", size(a->conv_kernel_size));
    json_object_set_new(out, "attention_context_left", size(a->attention_context_left));
    json_object_set_new(out, "attention_context_right", json_integer(0));
    json_object_set_new(out, "attention_logit_cap", json_real(plain(a->attention_logit_cap)));
    json_object_set_new(out, "residual_weight", json_real(plain(a->residual_weight)));
    json_object_set_new(out, "output_proj_dims", size(a->output_proj_dims));
    json_object_set_new(out, "hidden_act", json_string("silu"));
    return out;
}

/* ------------------------------------------------------------ all */

/* Members that could not be made, for want of memory or of words, are found missing here. */
static int check(const json_t *root, const struct g4_config *config, const char *what,
                 struct g4_err *err)
{
    struct g4_config back;
    struct g4_err why = {0};
    int status = g4_config_read(&back, root, what, &why);
    const bool same = status == 0 && g4_config_equal(&back, config);
    g4_config_release(&back);
    if (same)
        return 0;
    return g4_err_set(err, G4_EUNSUPPORTED,
                      "'%s': a configuration that config.json cannot state%s%s", what,
                      status < 0 ? ": " : "", status < 0 ? why.text : "");
}

int g4_config_write(json_t **out, const struct g4_config *config, const char *what,
                    struct g4_err *err)
{
    const bool unified = config->vision.unified || config->audio.unified;
    json_t *root = json_object();
    *out = NULL;
    if (!root)
        return g4_err_nomem(err, 0, "the configuration");
    json_object_set_new(root, "model_type", json_string(unified ? "gemma4_unified" : "gemma4"));
    json_object_set_new(root, "tie_word_embeddings", json_boolean(!config->text.own_head));
    if (config->text.present)
        json_object_set_new(root, "text_config", write_text(&config->text, unified));
    if (config->vision.present)
        json_object_set_new(root, "vision_config", write_vision(&config->vision));
    if (config->audio.present)
        json_object_set_new(root, "audio_config", write_audio(&config->audio));
    int status = check(root, config, what, err);
    if (status < 0) {
        json_decref(root);
        return status;
    }
    *out = root;
    return 0;
}
