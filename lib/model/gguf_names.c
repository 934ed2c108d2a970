/*
 * gguf_names.c - the tables of names, and one way through them for both directions.
 *
 *     a whole name | section, number of the layer, '.', name in it
 *                  | section, number of the layer, '.', clipped linear, its member
 */
#include "lib/model/gguf_names.h"

#include <stdio.h>
#include <string.h>

#define TEXT         "model.language_model."
#define VISION       "model.vision_tower."
#define PLAIN        "model.vision_embedder."
#define AUDIO        "model.audio_tower."
#define CONV         AUDIO "subsample_conv_projection."
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Which files have a name: llama.cpp's with towers, llama.cpp's without, Ollama's. */
enum { TOWERS = 1, UNIFIED = 2, OLLAMA = 4, LLAMA = TOWERS | UNIFIED, ALL = LLAMA | OLLAMA };

struct pair {
    const char *published, *stored;
    unsigned files;
};

/* Where one published name stands twice, files are written with the first. */
static const struct pair whole[] = {
    {TEXT "embed_tokens.weight", "token_embd.weight", ALL},
    {TEXT "norm.weight", "output_norm.weight", ALL},
    {"lm_head.weight", "output.weight", ALL},
    {"rope_freqs.weight", "rope_freqs.weight", ALL},
    {TEXT "embed_tokens_per_layer.weight", "per_layer_token_embd.weight", ALL},
    {TEXT "per_layer_model_projection.weight", "per_layer_model_proj.weight", ALL},
    {TEXT "per_layer_projection_norm.weight", "per_layer_proj_norm.weight", ALL},

    {VISION "patch_embedder.input_proj.weight", "v.patch_embd.weight", TOWERS | OLLAMA},
    {VISION "patch_embedder.position_embedding_table", "v.position_embd.weight", TOWERS | OLLAMA},
    {VISION "std_bias", "v.std_bias", ALL},
    {VISION "std_scale", "v.std_scale", ALL},
    {"model.embed_vision.embedding_projection.weight", "mm.input_projection.weight", ALL},

    {PLAIN "patch_dense.weight", "v.patch_embd.weight", UNIFIED},
    {PLAIN "patch_dense.bias", "v.patch_embd.bias", UNIFIED},
    {PLAIN "pos_embedding", "v.position_embd.weight", UNIFIED},
    {PLAIN "patch_ln1.weight", "v.patch_norm.1.weight", UNIFIED},
    {PLAIN "patch_ln1.bias", "v.patch_norm.1.bias", UNIFIED},
    {PLAIN "patch_ln2.weight", "v.patch_norm.2.weight", UNIFIED},
    {PLAIN "patch_ln2.bias", "v.patch_norm.2.bias", UNIFIED},
    {PLAIN "pos_norm.weight", "v.patch_norm.3.weight", UNIFIED},
    {PLAIN "pos_norm.bias", "v.patch_norm.3.bias", UNIFIED},

    {CONV "layer0.conv.weight", "a.conv1d.0.weight", ALL},
    {CONV "layer0.norm.weight", "a.conv1d.0.norm.weight", ALL},
    {CONV "layer1.conv.weight", "a.conv1d.1.weight", ALL},
    {CONV "layer1.norm.weight", "a.conv1d.1.norm.weight", ALL},
    {CONV "input_proj_linear.weight", "a.input_projection.weight", LLAMA},
    {CONV "input_proj_linear.weight", "a.pre_encode.out.weight", OLLAMA},
    {AUDIO "output_proj.weight", "a.pre_encode.out.weight", LLAMA},
    {AUDIO "output_proj.bias", "a.pre_encode.out.bias", LLAMA},
    {AUDIO "output_proj.weight", "mm.a.fc.weight", OLLAMA},
    {AUDIO "output_proj.bias", "mm.a.fc.bias", OLLAMA},
    {"model.embed_audio.embedding_projection.weight", "mm.a.input_projection.weight", ALL},
};

static const struct pair text_layer[] = {
    {"input_layernorm.weight", "attn_norm.weight", ALL},
    {"self_attn.q_proj.weight", "attn_q.weight", ALL},
    {"self_attn.k_proj.weight", "attn_k.weight", ALL},
    {"self_attn.v_proj.weight", "attn_v.weight", ALL},
    {"self_attn.o_proj.weight", "attn_output.weight", ALL},
    {"self_attn.q_norm.weight", "attn_q_norm.weight", ALL},
    {"self_attn.k_norm.weight", "attn_k_norm.weight", ALL},
    {"post_attention_layernorm.weight", "post_attention_norm.weight", ALL},
    {"pre_feedforward_layernorm.weight", "ffn_norm.weight", ALL},
    {"mlp.gate_proj.weight", "ffn_gate.weight", ALL},
    {"mlp.up_proj.weight", "ffn_up.weight", ALL},
    {"mlp.down_proj.weight", "ffn_down.weight", ALL},
    {"post_feedforward_layernorm.weight", "post_ffw_norm.weight", ALL},
    {"layer_scalar", "layer_output_scale.weight", ALL},
    {"layer_scalar", "layer_scalar", ALL},
    {"per_layer_input_gate.weight", "inp_gate.weight", ALL},
    {"per_layer_projection.weight", "proj.weight", ALL},
    {"post_per_layer_input_norm.weight", "post_norm.weight", ALL},
    {"router.proj.weight", "ffn_gate_inp.weight", ALL},
    {"router.scale", "ffn_gate_inp.scale", ALL},
    {"router.per_expert_scale", "ffn_down_exps.scale", ALL},
    {"router.per_expert_scale", "ffn_gate_inp.per_expert_scale", ALL},
    {"experts.gate_up_proj", "ffn_gate_up_exps.weight", ALL},
    {"experts.gate_proj", "ffn_gate_exps.weight", ALL},
    {"experts.up_proj", "ffn_up_exps.weight", ALL},
    {"experts.down_proj", "ffn_down_exps.weight", ALL},
    {"pre_feedforward_layernorm_2.weight", "pre_ffw_norm_2.weight", ALL},
    {"post_feedforward_layernorm_1.weight", "post_ffw_norm_1.weight", ALL},
    {"post_feedforward_layernorm_2.weight", "post_ffw_norm_2.weight", ALL},
};

static const struct pair vision_layer[] = {
    {"input_layernorm.weight", "ln1.weight", ALL},
    {"post_attention_layernorm.weight", "attn_post_norm.weight", ALL},
    {"pre_feedforward_layernorm.weight", "ln2.weight", ALL},
    {"post_feedforward_layernorm.weight", "ffn_post_norm.weight", ALL},
    {"self_attn.q_norm.weight", "attn_q_norm.weight", ALL},
    {"self_attn.k_norm.weight", "attn_k_norm.weight", ALL},
};

static const struct pair vision_linear[] = {
    {"self_attn.q_proj", "attn_q", ALL}, {"self_attn.k_proj", "attn_k", ALL},
    {"self_attn.v_proj", "attn_v", ALL}, {"self_attn.o_proj", "attn_out", ALL},
    {"mlp.gate_proj", "ffn_gate", ALL},  {"mlp.up_proj", "ffn_up", ALL},
    {"mlp.down_proj", "ffn_down", ALL},
};

/* The two norms of the convolution bear each other's names in these files. */
static const struct pair audio_layer[] = {
    {"feed_forward1.pre_layer_norm.weight", "ffn_norm.weight", ALL},
    {"feed_forward1.post_layer_norm.weight", "ffn_post_norm.weight", ALL},
    {"feed_forward2.pre_layer_norm.weight", "ffn_norm_1.weight", ALL},
    {"feed_forward2.post_layer_norm.weight", "ffn_post_norm_1.weight", ALL},
    {"norm_pre_attn.weight", "attn_pre_norm.weight", LLAMA},
    {"norm_pre_attn.weight", "ln1.weight", OLLAMA},
    {"norm_post_attn.weight", "attn_post_norm.weight", LLAMA},
    {"norm_post_attn.weight", "ln2.weight", OLLAMA},
    {"norm_out.weight", "ln2.weight", LLAMA},
    {"norm_out.weight", "layer_pre_norm.weight", OLLAMA},
    {"self_attn.relative_k_proj.weight", "attn_k_rel.weight", LLAMA},
    {"self_attn.relative_k_proj.weight", "linear_pos.weight", OLLAMA},
    {"self_attn.per_dim_scale", "per_dim_scale.weight", ALL},
    {"lconv1d.pre_layer_norm.weight", "conv_norm.weight", ALL},
    {"lconv1d.conv_norm.weight", "norm_conv.weight", ALL},
    {"lconv1d.depthwise_conv1d.weight", "conv_dw.weight", ALL},
};

static const struct pair audio_linear[] = {
    {"feed_forward1.ffw_layer_1", "ffn_up", ALL},
    {"feed_forward1.ffw_layer_2", "ffn_down", ALL},
    {"feed_forward2.ffw_layer_1", "ffn_up_1", ALL},
    {"feed_forward2.ffw_layer_2", "ffn_down_1", ALL},
    {"self_attn.q_proj", "attn_q", ALL},
    {"self_attn.k_proj", "attn_k", ALL},
    {"self_attn.v_proj", "attn_v", ALL},
    {"self_attn.post", "attn_out", ALL},
    {"lconv1d.linear_start", "conv_pw1", ALL},
    {"lconv1d.linear_end", "conv_pw2", ALL},
};

/* What a clipped linear layer has. */
static const struct pair members[] = {
    {".linear.weight", ".weight", ALL},  {".input_min", ".input_min", ALL},
    {".input_max", ".input_max", ALL},   {".output_min", ".output_min", ALL},
    {".output_max", ".output_max", ALL},
};

static const struct section {
    struct pair prefix;
    const struct pair *names, *linears;
    size_t name_count, linear_count;
} sections[] = {
    {{TEXT "layers.", "blk.", ALL}, text_layer, NULL, COUNT(text_layer), 0},
    {{VISION "encoder.layers.", "v.blk.", ALL},
     vision_layer,
     vision_linear,
     COUNT(vision_layer),
     COUNT(vision_linear)},
    {{AUDIO "layers.", "a.blk.", ALL},
     audio_layer,
     audio_linear,
     COUNT(audio_layer),
     COUNT(audio_linear)},
};

struct search {
    bool to_stored;
    unsigned files;
};

static const char *from(const struct search *search, const struct pair *pair)
{
    return search->to_stored ? pair->published : pair->stored;
}

static const char *to(const struct search *search, const struct pair *pair)
{
    return search->to_stored ? pair->stored : pair->published;
}

/* The other side of `name`; NULL when the table has it not. */
static const char *look_up(const struct search *search, const struct pair *pairs, size_t n,
                           const char *name)
{
    for (size_t i = 0; i < n; i++)
        if ((pairs[i].files & search->files) && strcmp(from(search, &pairs[i]), name) == 0)
            return to(search, &pairs[i]);
    return NULL;
}

/* "<linear><member>": the two other sides. */
static bool look_up_linear(const struct search *search, const struct section *section,
                           const char *name, const char **linear, const char **member)
{
    for (size_t i = 0; i < section->linear_count; i++) {
        const char *start = from(search, &section->linears[i]);
        const size_t n = strlen(start);
        *linear = to(search, &section->linears[i]);
        if (strncmp(name, start, n) == 0 &&
            (*member = look_up(search, members, COUNT(members), name + n)) != NULL)
            return true;
    }
    return false;
}

/* `rest` is what follows the section's prefix: the number of a layer, a dot, a name. */
static bool translate_layer(char out[G4_NAME_BYTES], const struct search *search,
                            const struct section *section, const char *rest)
{
    const size_t digits = strspn(rest, "0123456789");
    if (digits == 0 || digits > 9 || rest[digits] != '.' || (rest[0] == '0' && digits > 1))
        return false;
    const char *name = rest + digits + 1, *member = "";
    const char *found = look_up(search, section->names, section->name_count, name);
    if (!found && !look_up_linear(search, section, name, &found, &member))
        return false;
    snprintf(out, G4_NAME_BYTES, "%s%.*s.%s%s", to(search, &section->prefix), (int)digits, rest,
             found, member);
    return true;
}

static bool translate(char out[G4_NAME_BYTES], const struct search *search, const char *name)
{
    const char *found = look_up(search, whole, COUNT(whole), name);
    if (found) {
        snprintf(out, G4_NAME_BYTES, "%s", found);
        return true;
    }
    for (size_t i = 0; i < COUNT(sections); i++) {
        const char *prefix = from(search, &sections[i].prefix);
        const size_t n = strlen(prefix);
        if (strncmp(name, prefix, n) == 0 && translate_layer(out, search, &sections[i], name + n))
            return true;
    }
    return false;
}

bool g4_gguf_name(char out[G4_NAME_BYTES], enum g4_store store, const char *published)
{
    const struct search search = {true, store == G4_STORE_OLLAMA ? OLLAMA : LLAMA};
    return translate(out, &search, published);
}

bool g4_gguf_published(char out[G4_NAME_BYTES], enum g4_store store, bool unified,
                       const char *stored)
{
    const unsigned llama = unified ? UNIFIED : TOWERS;
    const struct search search = {false, store == G4_STORE_OLLAMA ? OLLAMA : llama};
    return translate(out, &search, stored);
}
