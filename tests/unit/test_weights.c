/* One table over files: shards, spellings, and an index that lies. */
#include "tests/unit/model_fixture.h"

#include "lib/model/weights.h"

#define U8(name)   "\"" name "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}"
#define PAIR(a, b) "{" U8(a) ",\"" b "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}"

static void two_shards(void **state)
{
    (void)state;
    struct g4_weights w;
    struct g4_err err = {0};
    char *folder = fixture_folder();
    fixture_tensors(folder, "m-1.safetensors", PAIR("c", "a"), 2);
    fixture_tensors(folder, "m-2.safetensors", "{" U8("b") "}", 1);
    fixture_text(
        folder, "model.safetensors.index.json",
        "{\"metadata\":{\"total_size\":3},\"weight_map\":"
        "{\"b\":\"m-2.safetensors\",\"a\":\"m-1.safetensors\",\"c\":\"m-1.safetensors\"}}");
    fixture_text(folder, "model.safetensors", "the index wins over this");
    if (g4_weights_open(&w, folder, NULL, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(w.shard_count, 2);
    assert_int_equal(w.count, 3);
    assert_string_equal(w.sorted[0]->name, "a");
    assert_string_equal(w.sorted[1]->name, "b");
    assert_string_equal(w.sorted[2]->name, "c");
    assert_int_equal(*(const unsigned char *)g4_weights_find(&w, "a")->data, 1);
    assert_int_equal(*(const unsigned char *)g4_weights_find(&w, "b")->data, 0);
    assert_null(g4_weights_find(&w, "d"));
    g4_weights_close(&w);
    assert_null(g4_weights_find(&w, "a"));
    fixture_remove(folder);
}

static void an_index_that_lies(void **state)
{
    (void)state;
    static const struct {
        const char *index, *message;
    } cases[] = {
        {"[]", "weight_map: missing"},
        {"{}", "weight_map: missing, expected an object"},
        {"{\"weight_map\":[]}", "weight_map: expected an object, got an array"},
        {"{\"weight_map\":{}}", "weight_map: names no tensor"},
        {"{\"weight_map\":{\"a\":1}}", "tensor 'a': expected a file name"},
        {"{\"weight_map\":{\"a\":\"\"}}", "shard name '' is not a plain file name"},
        {"{\"weight_map\":{\"a\":\"../one.safetensors\"}}",
         "'../one.safetensors' is not a plain file name"},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "'/etc/passwd' is not a plain file name"},
        {"{\"weight_map\":{\"a\":\"..\"}}", "'..' is not a plain file name"},
        {"{\"weight_map\":{\"a\":\"none.safetensors\"}}", "shard 'none.safetensors' is missing"},
        {"{\"weight_map\":{\"a\":\"two.safetensors\"}}", "tensor 'a' is not in 'two.safetensors'"},
        {"{\"weight_map\":{\"a\":\"one.safetensors\",\"x\":\"one.safetensors\"}}",
         "tensor 'x' is not in 'one"},
        {"{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"again.safetensors\"}}",
         "tensor 'a' is there twice"},
        {"{\"weight_map\":{\"a\":\"broken.safetensors\"}}",
         "broken.safetensors': 3 bytes, too short"},
        {"{\"weight_map\":{\"a\":\"one.safetensors\",\"a\":\"two.safetensors\"}}", "duplicate"},
    };
    char *folder = fixture_folder();
    fixture_tensors(folder, "one.safetensors", "{" U8("a") "}", 1);
    fixture_tensors(folder, "two.safetensors", "{" U8("b") "}", 1);
    fixture_tensors(folder, "again.safetensors", PAIR("a", "b"), 2);
    fixture_text(folder, "broken.safetensors", "abc");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct g4_weights w;
        struct g4_err err = {0};
        fixture_text(folder, "model.safetensors.index.json", cases[i].index);
        assert_int_equal(g4_weights_open(&w, folder, NULL, &err), G4_EINPUT);
        assert_message(&err, cases[i].message);
        assert_true(w.shards == NULL && w.sorted == NULL && w.count == 0);
    }
    fixture_remove(folder);
}

static void too_many_shards(void **state)
{
    (void)state;
    enum { ENTRY = 32 };
    struct g4_weights w;
    struct g4_err err = {0};
    char *folder = fixture_folder(), *index = malloc(ENTRY * (G4_MAX_SHARDS + 2)), *p = index;
    p = stpcpy(p, "{\"weight_map\":{");
    for (int i = 0; i <= G4_MAX_SHARDS; i++)
        p += snprintf(p, ENTRY, "%s\"t%d\":\"s%d\"", i ? "," : "", i, i);
    stpcpy(p, "}}");
    fixture_text(folder, "model.safetensors.index.json", index);
    assert_int_equal(g4_weights_open(&w, folder, NULL, &err), G4_EINPUT);
    assert_message(&err, "1025 shards, at most 1024");
    free(index);
    fixture_remove(folder);
}

static void no_weights(void **state)
{
    (void)state;
    struct g4_weights w;
    struct g4_err err = {0};
    char *folder = fixture_folder();
    assert_int_equal(g4_weights_open(&w, folder, NULL, &err), G4_ENOTFOUND);
    assert_message(&err, "neither model.safetensors nor model.safetensors.index.json");
    assert_int_equal(g4_weights_open(&w, fixture_path(folder, "x"), NULL, &err), G4_ENOTFOUND);
    fixture_remove(folder);
}

/* One stored name, looked up as published. */
static const struct g4_tensor *find_one(const char *stored, const char *published)
{
    struct g4_weights w;
    struct g4_err err = {0};
    char header[200], *folder = fixture_folder();
    snprintf(header, sizeof header,
             "{\"%s\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", stored);
    fixture_tensors(folder, "model.safetensors", header, 0);
    assert_int_equal(g4_weights_open(&w, fixture_path(folder, "model.safetensors"), NULL, &err), 0);
    const struct g4_tensor *found = g4_weights_find(&w, published);
    if (found)
        assert_string_equal(found->name, stored);
    static const struct g4_tensor yes;
    g4_weights_close(&w);
    fixture_remove(folder);
    return found ? &yes : NULL;
}

static void spellings(void **state)
{
    (void)state;
    static const char text[] = "model.language_model.layers.0.layer_scalar";
    assert_non_null(find_one(text, text));
    assert_non_null(find_one("language_model.model.layers.0.layer_scalar", text));
    assert_non_null(find_one("language_model.lm_head.weight", "lm_head.weight"));
    assert_non_null(find_one("model.layers.0.layer_scalar", text));
    assert_null(find_one("layers.0.layer_scalar", text));
    assert_null(find_one("model.layers.1.layer_scalar", text));
    assert_non_null(find_one("vision_tower.std_bias", "model.vision_tower.std_bias"));
    assert_non_null(find_one("audio_tower.x", "model.audio_tower.x"));
    assert_non_null(find_one("vision_embedder.x", "model.vision_embedder.x"));
    assert_non_null(find_one("embed_vision.x", "model.embed_vision.x"));
    assert_non_null(find_one("embed_audio.x", "model.embed_audio.x"));
    assert_null(find_one("vision_tower.x", "model.audio_tower.x"));
    assert_null(find_one("model.vision_tower.x", "model.language_model.vision_tower.x"));
    assert_null(find_one("model.embed_audio.x", "model.language_model.embed_audio.x"));
}

static void two_spellings_of_one(void **state)
{
    (void)state;
    struct g4_weights w;
    struct g4_err err = {0};
    char *folder = fixture_folder();
    fixture_tensors(folder, "model.safetensors",
                    PAIR("model.language_model.norm.weight", "model.norm.weight"), 2);
    assert_int_equal(g4_weights_open(&w, folder, NULL, &err), G4_EINPUT);
    assert_message(&err, "norm.weight' is there twice");
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_shards),      cmocka_unit_test(an_index_that_lies),
        cmocka_unit_test(too_many_shards), cmocka_unit_test(no_weights),
        cmocka_unit_test(spellings),       cmocka_unit_test(two_spellings_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
