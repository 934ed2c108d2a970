/* GGUF files as weights: names, parts, companions, dialects, and what is refused. */
#include "tests/unit/gguf_fixture.h"
#include "tests/unit/twin_fixture.h"

#include "lib/model/weights.h"

static void open_weights(struct g4_weights *w, const char *path, const char *companion)
{
    struct g4_err err = {0};
    if (g4_weights_open(w, path, companion, &err) < 0)
        fail_msg("%s", err.text);
}

static void refused(const char *path, const char *companion, int status, const char *message)
{
    struct g4_weights w;
    struct g4_err err = {0};
    assert_int_equal(g4_weights_open(&w, path, companion, &err), status);
    assert_message(&err, message);
    assert_true(w.ggufs == NULL && w.sorted == NULL && w.published == NULL && w.count == 0);
}

static bool is_transformed(const char *name)
{
    return strstr(name, "patch_embedder.input_proj") || strstr(name, "per_dim_scale");
}

/* Every tensor of the folder lies in the GGUF model under its published name, with its numbers. */
static void assert_equal_weights(const struct g4_weights *gguf, const char *folder)
{
    struct g4_weights published;
    open_weights(&published, folder, NULL);
    assert_false(published.form.channels_first || published.form.softplus_applied);
    for (size_t i = 0; i < published.count; i++) {
        const struct g4_tensor *a = published.sorted[i];
        const struct g4_tensor *b = g4_weights_find(gguf, published.published[i]);
        if (!b)
            fail_msg("no '%s'", a->name);
        const size_t n = g4_tensor_count(a);
        assert_int_equal(g4_tensor_count(b), n);
        for (size_t j = 0; j < n && !is_transformed(a->name); j++)
            if (!(g4_tensor_get(a, j) == g4_tensor_get(b, j)))
                fail_msg("'%s', '%s': element %zu", a->name, b->name, j);
    }
    assert_int_equal(gguf->count, published.count + 1);
    assert_non_null(g4_weights_find(gguf, "rope_freqs.weight"));
    g4_weights_close(&published);
}

static void two_files(void **state)
{
    (void)state;
    struct g4_weights w;
    struct g4_err err = {0};
    char *folder = fixture_twins("", DEMO);
    const char *text = fixture_path(folder, "demo-model/model.gguf");
    const char *towers = fixture_path(folder, "demo-model/mmproj.gguf");
    open_weights(&w, text, towers);
    assert_int_equal(w.store, G4_STORE_GGUF);
    assert_true(w.form.channels_first && w.form.softplus_applied && w.form.positions_by_axis);
    assert_int_equal(w.gguf_count, 2);
    assert_string_equal(w.text->path, text);
    assert_string_equal(w.media->path, towers);
    assert_int_equal(g4_weights_mapped(&w), w.text->map.size + w.media->map.size);
    assert_equal_weights(&w, DEMO);
    for (size_t i = 1; i < w.count; i++)
        assert_true(strcmp(w.published[i - 1], w.published[i]) < 0);
    g4_weights_close(&w);
    assert_null(g4_weights_find(&w, "rope_freqs.weight"));

    open_weights(&w, text, NULL);
    assert_null(w.media);
    assert_null(g4_weights_find(&w, "model.embed_vision.embedding_projection.weight"));
    assert_int_equal(g4_weights_attach(&w, towers, &err), 0);
    assert_equal_weights(&w, DEMO);
    g4_weights_close(&w);

    open_weights(&w, towers, NULL);
    assert_null(w.text);
    assert_string_equal(w.media->path, towers);
    g4_weights_close(&w);
    fixture_remove(folder);
}

static void one_file(void **state)
{
    (void)state;
    struct g4_weights w;
    char *folder = fixture_twins("--ollama", DEMO " " GOLDEN "decoder-26b");
    const char *all = fixture_path(folder, "demo-model/model.gguf");
    open_weights(&w, all, NULL);
    assert_int_equal(w.store, G4_STORE_OLLAMA);
    assert_ptr_equal(w.text, w.media);
    assert_equal_weights(&w, DEMO);
    g4_weights_close(&w);

    /* Experts apart, and an older name. */
    open_weights(&w, fixture_path(folder, "decoder-26b/model.gguf"), NULL);
    assert_null(w.media);
    assert_null(g4_weights_find(&w, "model.language_model.layers.0.experts.gate_up_proj"));
    const struct g4_tensor *up =
        g4_weights_find(&w, "model.language_model.layers.5.experts.up_proj");
    assert_non_null(up);
    assert_int_equal(up->shape[0], 8);
    assert_int_equal(up->shape[1], 24);
    assert_int_equal(up->shape[2], 64);
    assert_non_null(g4_weights_find(&w, "model.language_model.layers.5.router.per_expert_scale"));
    g4_weights_close(&w);
    fixture_remove(folder);

    folder = fixture_twins("", DEMO);
    char *both = fixture_twins("--ollama", DEMO);
    refused(fixture_path(both, "demo-model/model.gguf"),
            fixture_path(folder, "demo-model/mmproj.gguf"), G4_EINPUT,
            "demo-model/model.gguf': tensor 'a.");
    fixture_remove(both);
    fixture_remove(folder);
}

static void without_towers(void **state)
{
    (void)state;
    struct g4_weights w;
    char *folder = fixture_twins("", GOLDEN "unified-12b");
    open_weights(&w, fixture_path(folder, "unified-12b/mmproj.gguf"), NULL);
    const struct g4_tensor *dense = g4_weights_find(&w, "model.vision_embedder.patch_dense.weight");
    const struct g4_tensor *table = g4_weights_find(&w, "model.vision_embedder.pos_embedding");
    assert_true(dense && table);
    assert_string_equal(dense->name, "v.patch_embd.weight");
    assert_int_equal(table->shape[0], 2);
    assert_int_equal(table->shape[1], 1120);
    assert_null(g4_weights_find(&w, "model.vision_tower.patch_embedder.input_proj.weight"));
    g4_weights_close(&w);
    fixture_remove(folder);
}

/* ------------------------------------------------------------ parts */

#define PART(n, count) "decoder-e2b/model-0000" #n "-of-0000" #count ".gguf"

static void parts(void **state)
{
    (void)state;
    static const char *const names[] = {PART(1, 3), PART(2, 3), PART(3, 3)};
    struct g4_weights w;
    char *folder = fixture_twins("--split 3", GOLDEN "decoder-e2b");
    for (size_t i = 0; i < 3; i++) {
        open_weights(&w, fixture_path(folder, names[i]), NULL);
        assert_int_equal(w.gguf_count, 3);
        assert_ptr_equal(w.text, &w.ggufs[0]);
        for (size_t p = 0; p < 3; p++)
            assert_string_equal(w.ggufs[p].path, fixture_path(folder, names[p]));
        assert_equal_weights(&w, GOLDEN "decoder-e2b");
        g4_weights_close(&w);
    }
    assert_int_equal(remove(fixture_path(folder, names[1])), 0);
    refused(fixture_path(folder, names[2]), NULL, G4_EINPUT,
            "model-00002-of-00003.gguf': part 2 of 3 of '");
    fixture_remove(folder);
}

static void parts_that_do_not_fit(void **state)
{
    (void)state;
    char *three = fixture_twins("--split 3", GOLDEN "decoder-e2b");
    char *two = fixture_twins("--split 2", GOLDEN "decoder-e2b");
    assert_int_equal(rename(fixture_path(two, PART(2, 2)), fixture_path(three, PART(2, 3))), 0);
    refused(fixture_path(three, PART(1, 3)), NULL, G4_EINPUT,
            "split.no 1, split.count 2, expected 1 and 3: a part of another model");
    assert_int_equal(rename(fixture_path(three, PART(1, 3)), fixture_path(three, "x.gguf")), 0);
    refused(fixture_path(three, "x.gguf"), NULL, G4_EINPUT,
            "part 1 of 3 of a model, but its name does not end in '-00001-of-00003.gguf'");
    /* One part under the name of another. */
    char *again = fixture_twins("--split 3", GOLDEN "decoder-e2b");
    assert_int_equal(rename(fixture_path(again, PART(3, 3)), fixture_path(again, PART(2, 3))), 0);
    refused(fixture_path(again, PART(1, 3)), NULL, G4_EINPUT, "split.no 2, split.count 3");
    fixture_remove(again);
    fixture_remove(two);
    fixture_remove(three);
}

/* A file of one tensor that says it is part `no` of `count` with `tensors` in all. */
static void part_file(const char *folder, const char *name, uint32_t no, uint32_t count,
                      uint32_t tensors, const char *tensor)
{
    static const int64_t ne[] = {4};
    struct gguf_fixture g;
    gguf_begin(&g);
    if (no == 0)
        gguf_put_string(&g, "general.architecture", "gemma4");
    gguf_put_u32(&g, "split.no", no);
    gguf_put_u32(&g, "split.count", count);
    gguf_put_u32(&g, "split.tensors.count", tensors);
    gguf_tensor(&g, tensor, G4_DTYPE_F32, 1, ne);
    gguf_end_file(&g, folder, name);
}

static void numbers_of_parts(void **state)
{
    (void)state;
    char *folder = fixture_folder();
    const char *first = fixture_path(folder, "m-00001-of-00002.gguf");
    part_file(folder, "m-00001-of-00002.gguf", 0, 2, 2, "a");
    part_file(folder, "m-00002-of-00002.gguf", 1, 2, 2, "b");
    struct g4_weights w;
    open_weights(&w, first, NULL);
    assert_int_equal(w.count, 2);
    g4_weights_close(&w);
    part_file(folder, "m-00001-of-00002.gguf", 0, 2, 3, "a");
    refused(first, NULL, G4_EINPUT, "split.tensors.count is 3, but the parts hold 2");
    part_file(folder, "m-00001-of-00002.gguf", 0, 2, 2, "b");
    refused(first, NULL, G4_EINPUT, "tensor 'b' is there again, as 'b' of '");
    part_file(folder, "m-00001-of-00002.gguf", 2, 2, 2, "a");
    refused(first, NULL, G4_EINPUT, "split.no: expected an integer in 0..1, got 2");
    part_file(folder, "m-00001-of-00002.gguf", 0, 1025, 2, "a");
    refused(first, NULL, G4_EINPUT, "split.count: expected an integer in 0..1024, got 1025");
    part_file(folder, "m-00001-of-00002.gguf", 0, 1, 1, "a");
    open_weights(&w, first, NULL); /* one part is the whole, whatever its name */
    assert_int_equal(w.gguf_count, 1);
    g4_weights_close(&w);
    fixture_remove(folder);
}

/* ------------------------------------------------------------ kinds */

static void small_file(const char *folder, const char *name, const char *architecture,
                       const char *type, const char *const *tensors)
{
    static const int64_t ne[] = {4};
    struct gguf_fixture g;
    gguf_begin(&g);
    if (architecture)
        gguf_put_string(&g, "general.architecture", architecture);
    if (type)
        gguf_put_string(&g, "general.type", type);
    for (; *tensors; tensors++)
        gguf_tensor(&g, *tensors, G4_DTYPE_F32, 1, ne);
    gguf_end_file(&g, folder, name);
}

static void other_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *architecture, *type, *tensors[3], *message;
        int status;
    } cases[] = {
        {NULL, NULL, {"a"}, "general.architecture: missing", G4_EINPUT},
        {"gemma3", "model", {"a"}, "'gemma3', expected a Gemma 4 model, 'gemma4'", G4_EUNSUPPORTED},
        {"gemma4-assistant", "model", {"a"}, "'gemma4-assistant', a drafter", G4_EUNSUPPORTED},
        {"gemma4_mtp", NULL, {"a"}, "'gemma4_mtp', a drafter", G4_EUNSUPPORTED},
        {"gemma4", "adapter", {"a"}, "general.type 'adapter', expected a whole", G4_EUNSUPPORTED},
        {"gemma4",
         "model",
         {"blk.0.attn_q.weight", "blk.0.attn_q.scale"},
         "tensor 'blk.0.attn_q.scale': scales beside a tensor",
         G4_EUNSUPPORTED},
        {"gemma4", "model", {"v.clamp_data"}, "'v.clamp_data': limits of all", G4_EUNSUPPORTED},
        {"gemma4",
         "model",
         {"blk.0.ffn_down_exps.scale", "blk.0.ffn_gate_inp.per_expert_scale"},
         "is there again, as 'blk.0.ffn_",
         G4_EINPUT},
    };
    char *folder = fixture_folder();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        small_file(folder, "m.gguf", cases[i].architecture, cases[i].type, cases[i].tensors);
        refused(fixture_path(folder, "m.gguf"), NULL, cases[i].status, cases[i].message);
    }
    fixture_remove(folder);
}

static void unknown_tensors_stay(void **state)
{
    (void)state;
    static const char *const tensors[] = {"blk.1.layer_scalar", "masked_embd_ordering",
                                          "blk.0.ffn_gate_inp.scale", NULL};
    struct g4_weights w;
    char *folder = fixture_folder();
    small_file(folder, "m.gguf", "gemma4", NULL, tensors);
    open_weights(&w, fixture_path(folder, "m.gguf"), NULL);
    assert_int_equal(w.count, 3);
    assert_non_null(g4_weights_find(&w, "masked_embd_ordering"));
    assert_non_null(g4_weights_find(&w, "model.language_model.layers.0.router.scale"));
    assert_non_null(g4_weights_find(&w, "model.language_model.layers.1.layer_scalar"));
    g4_weights_close(&w);
    fixture_remove(folder);
}

static void companions(void **state)
{
    (void)state;
    static const char *const text[] = {"token_embd.weight", NULL};
    static const char *const towers[] = {"mm.input_projection.weight", NULL};
    struct g4_weights w;
    struct g4_err err = {0};
    char *folder = fixture_folder();
    small_file(folder, "t.gguf", "gemma4", NULL, text);
    small_file(folder, "m.gguf", "clip", "mmproj", towers);
    const char *t = fixture_path(folder, "t.gguf"), *m = fixture_path(folder, "m.gguf");
    open_weights(&w, t, m);
    assert_int_equal(w.count, 2);
    g4_weights_close(&w);
    refused(t, t, G4_EUNSUPPORTED, "'gemma4', expected a file of towers, 'clip'");
    refused(m, m, G4_EUSAGE, "holds towers and no text model: '");
    refused(t, fixture_path(folder, "none.gguf"), G4_ENOTFOUND, "none.gguf");
    refused(GOLDEN "decoder-e2b", m, G4_EUSAGE, "m.gguf': a file of towers goes with a GGUF text");
    refused(GOLDEN "decoder-e2b/model.safetensors", m, G4_EUSAGE, "not with 'tests/data/golden/");
    open_weights(&w, t, NULL);
    assert_int_equal(g4_weights_attach(&w, t, &err), G4_EUNSUPPORTED);
    assert_true(w.ggufs == NULL && w.count == 0);
    fixture_text(folder, "m.gguf", "GGUF\3\0\0\0");
    refused(t, m, G4_EINPUT, "m.gguf'");
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_files),
        cmocka_unit_test(one_file),
        cmocka_unit_test(without_towers),
        cmocka_unit_test(parts),
        cmocka_unit_test(parts_that_do_not_fit),
        cmocka_unit_test(numbers_of_parts),
        cmocka_unit_test(other_kinds),
        cmocka_unit_test(unknown_tensors_stay),
        cmocka_unit_test(companions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
