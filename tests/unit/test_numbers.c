/* Counting a model by its configuration: the published counts, and those of the models here. */
#include "tests/unit/model_fixture.h"

#include "lib/model/config_family.h"
#include "lib/model/numbers.h"
#include "lib/model/summary.h"

static uint64_t all(const struct g4_numbers *n)
{
    return n->matrices + n->others;
}

/* Numbers of the published files, without keys and values that no layer uses; bytes of the text
 * with all matrices in one type. */
static void published_counts(void **state)
{
    static const struct {
        const char *name;
        uint64_t text, table, vision, audio, bf16, q8_0, q4_0;
    } want[G4_FAMILY] = {
        {"E2B", 4628569379, 2348810240, 168544704, 307184384, 9257138758, 4918695052, 2604553356},
        {"E4B", 7463013418, 2818572288, 169331136, 308757248, 14926026836, 7931097256, 4199870632},
        {"12B", 11907350320, 0, 49922304, 2457600, 23814700640, 12653821120, 6700530880},
        {"26B-A4B", 25233141790, 0, 572794416, 0, 50466283580, 26812270712, 14196050040},
        {"31B", 30697345340, 0, 575743536, 0, 61394690680, 32619840752, 17271833840},
    };
    (void)state;
    for (size_t i = 0; i < G4_FAMILY; i++) {
        struct g4_config config;
        struct g4_model_numbers n;
        struct g4_err err = {0};
        assert_int_equal(g4_config_family(&config, i, &err), 0);
        assert_string_equal(g4_config_variant(&config), want[i].name);
        g4_model_count(&n, &config);
        assert_int_equal(all(&n.text) + all(&n.table), want[i].text);
        assert_int_equal(all(&n.table), want[i].table);
        assert_int_equal(all(&n.vision), want[i].vision);
        assert_int_equal(all(&n.audio), want[i].audio);
        const struct {
            enum g4_dtype dtype;
            uint64_t bytes;
        } types[] = {{G4_DTYPE_BF16, want[i].bf16},
                     {G4_DTYPE_Q8_0, want[i].q8_0},
                     {G4_DTYPE_Q4_0, want[i].q4_0}};
        for (size_t t = 0; t < 3; t++)
            assert_int_equal(g4_numbers_bytes(&n.text, types[t].dtype) +
                                 g4_numbers_bytes(&n.table, types[t].dtype),
                             types[t].bytes);
        g4_config_release(&config);
    }
}

/* What the files here hold, but for what no layer uses. */
static void counts_of_files(void **state)
{
    static const char *const folders[] = {
        DEMO,
        GOLDEN "decoder-e2b",
        GOLDEN "decoder-e4b",
        GOLDEN "decoder-26b",
        GOLDEN "decoder-31b",
        GOLDEN "decoder-12b",
        GOLDEN "vision-small",
        GOLDEN "vision-large",
        GOLDEN "audio-e2b",
        GOLDEN "unified-12b",
    };
    (void)state;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct g4_model model;
        struct g4_model_numbers n;
        struct g4_model_summary s;
        struct g4_err err = {0};
        assert_int_equal(g4_model_open(&model, folders[i], NULL, &err), 0);
        g4_model_count(&n, &model.config);
        g4_model_summarise(&s, &model);
        const struct {
            const struct g4_numbers *counted;
            enum g4_model_part part;
        } parts[] = {{&n.text, G4_PART_TEXT},
                     {&n.table, G4_PART_PER_LAYER_TABLE},
                     {&n.vision, G4_PART_VISION},
                     {&n.audio, G4_PART_AUDIO}};
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++)
            if (s.part[parts[p].part].tensors > 0)
                assert_int_equal(2 * all(parts[p].counted), s.part[parts[p].part].bytes);
        g4_model_close(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(published_counts),
                                       cmocka_unit_test(counts_of_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
