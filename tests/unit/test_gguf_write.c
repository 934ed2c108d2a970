/*
 * test_gguf_write.c - what the writers put into files, read back by the readers.
 */
#include "tests/unit/model_fixture.h"

#include <fcntl.h>

#include "lib/format/gguf_write.h"
#include "lib/format/safetensors.h"
#include "lib/format/safetensors_write.h"

struct fixture {
    char *folder;
    const char *path;
    int fd;
    struct g4_err err;
};

static int open_fixture(void **state)
{
    static struct fixture f;
    f = (struct fixture){.folder = fixture_folder()};
    f.path = fixture_path(f.folder, "out");
    f.fd = open(f.path, O_RDWR | O_CREAT, 0666);
    *state = &f;
    return f.fd >= 0 ? 0 : -1;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    close(f->fd);
    fixture_remove(f->folder);
    return 0;
}

static struct g4_gguf_writer *begin(struct fixture *f)
{
    struct g4_gguf_writer *writer;
    assert_int_equal(g4_gguf_writer_new(&writer, f->fd, f->path, &f->err), 0);
    return writer;
}

static void put_values(struct g4_gguf_writer *writer)
{
    const int32_t ints[] = {-3, 0, 2147483647};
    const float floats[] = {0.5f, -1e30f};
    const bool bools[] = {true, false, true};
    g4_gguf_put_string(writer, "a.string", "gemma4");
    g4_gguf_put_string(writer, "an.empty.string", "");
    g4_gguf_put_u32(writer, "a.u32", 4000000000u);
    g4_gguf_put_i32(writer, "a.i32", -5);
    g4_gguf_put_f32(writer, "a.f32", 0.25f);
    g4_gguf_put_bool(writer, "a.bool", true);
    g4_gguf_put_i32s(writer, "list.i32", ints, 3);
    g4_gguf_put_f32s(writer, "list.f32", floats, 2);
    g4_gguf_put_bools(writer, "list.bool", bools, 3);
    g4_gguf_put_strings(writer, "list.string", 3);
    g4_gguf_put_element(writer, "one", 3);
    g4_gguf_put_element(writer, "", 0);
    g4_gguf_put_element(writer, "a\0b", 3);
    g4_gguf_put_strings(writer, "list.empty", 0);
}

static void assert_values(const struct g4_gguf *file)
{
    struct g4_err err = {0};
    struct g4_gguf_text text;
    int64_t ints[3], n = 0;
    double number = 0;
    bool flag = false;
    assert_int_equal(file->value_count, 11);
    assert_int_equal(g4_gguf_string(file, "a.string", true, &text, &err), 0);
    assert_true(g4_gguf_text_is(&text, "gemma4"));
    assert_int_equal(g4_gguf_string(file, "an.empty.string", true, &text, &err), 0);
    assert_int_equal(text.n, 0);
    assert_int_equal(g4_gguf_int(file, "a.u32", true, 0, INT64_MAX, &n, &err), 0);
    assert_int_equal(n, 4000000000);
    assert_int_equal(g4_gguf_int(file, "a.i32", true, -5, -5, &n, &err), 0);
    assert_int_equal(g4_gguf_number(file, "a.f32", true, 0, 1, &number, &err), 0);
    assert_true(number == 0.25);
    assert_int_equal(g4_gguf_bool(file, "a.bool", true, &flag, &err), 0);
    assert_true(flag);
    assert_int_equal(g4_gguf_ints(file, "list.i32", true, 3, INT32_MIN, INT32_MAX, ints, &err), 0);
    assert_true(ints[0] == -3 && ints[1] == 0 && ints[2] == 2147483647);
    assert_int_equal(g4_gguf_ints(file, "list.bool", true, 3, 0, 1, ints, &err), 0);
    assert_true(ints[0] == 1 && ints[1] == 0 && ints[2] == 1);
    const struct g4_gguf_value *floats = g4_gguf_value(file, "list.f32");
    const float want[] = {0.5f, -1e30f};
    assert_true(floats && floats->type == G4_GGUF_F32 && floats->count == 2);
    assert_memory_equal(floats->data, want, sizeof want);
    const struct g4_gguf_value *strings = g4_gguf_value(file, "list.string");
    const unsigned char *at = NULL;
    assert_true(strings && strings->count == 3);
    assert_true(g4_gguf_next_string(strings, &at, &text) && g4_gguf_text_is(&text, "one"));
    assert_true(g4_gguf_next_string(strings, &at, &text) && text.n == 0);
    assert_true(g4_gguf_next_string(strings, &at, &text) && text.n == 3);
    assert_memory_equal(text.text, "a\0b", 3);
    assert_false(g4_gguf_next_string(strings, &at, &text));
    assert_int_equal(g4_gguf_value(file, "list.empty")->count, 0);
}

/* Tensors of no bytes, of one, of a whole number of units; data in pieces that mind nothing. */
static void gguf_comes_back(void **state)
{
    struct fixture *f = *state;
    const size_t row[] = {3}, none[] = {0, 32}, matrix[] = {2, 64}, cube[] = {2, 1, 2, 4};
    struct g4_gguf_writer *writer = begin(f);
    unsigned char data[200];
    struct g4_gguf file;
    size_t bytes[4];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i + 1);
    put_values(writer);
    assert_int_equal(g4_gguf_announce(writer, "z", G4_DTYPE_BF16, 1, row, &bytes[0], &f->err), 0);
    assert_int_equal(g4_gguf_announce(writer, "none", G4_DTYPE_Q4_0, 2, none, &bytes[1], &f->err),
                     0);
    assert_int_equal(g4_gguf_announce(writer, "m", G4_DTYPE_Q8_0, 2, matrix, &bytes[2], &f->err),
                     0);
    assert_int_equal(g4_gguf_announce(writer, "cube", G4_DTYPE_F32, 4, cube, &bytes[3], &f->err),
                     0);
    assert_true(bytes[0] == 6 && bytes[1] == 0 && bytes[2] == 136 && bytes[3] == 64);
    assert_int_equal(g4_gguf_write_header(writer, &f->err), 0);
    assert_int_equal(g4_gguf_write_data(writer, data, 6, &f->err), 0);
    assert_int_equal(g4_gguf_write_data(writer, data + 6, 0, &f->err), 0);
    assert_int_equal(g4_gguf_write_data(writer, data + 6, 100, &f->err), 0);
    assert_int_equal(g4_gguf_write_data(writer, data + 106, 36, &f->err), 0);
    assert_int_equal(g4_gguf_write_data(writer, data + 136, 64, &f->err), 0);
    assert_int_equal(g4_gguf_write_end(writer, &f->err), 0);
    struct stat st;
    assert_int_equal(fstat(f->fd, &st), 0);
    assert_int_equal(st.st_size, g4_gguf_writer_size(writer));
    g4_gguf_writer_free(writer);

    if (g4_gguf_open(&file, f->path, &f->err) < 0)
        fail_msg("%s", f->err.text);
    assert_values(&file);
    assert_int_equal(file.count, 4);
    const struct g4_tensor *z = g4_gguf_find(&file, "z"), *m = g4_gguf_find(&file, "m");
    const struct g4_tensor *four = g4_gguf_find(&file, "cube");
    assert_true(z && z->dtype == G4_DTYPE_BF16 && z->dims == 1 && z->shape[0] == 3);
    assert_memory_equal(z->data, data, 6);
    assert_true(m && m->dtype == G4_DTYPE_Q8_0 && m->shape[0] == 2 && m->shape[1] == 64);
    assert_memory_equal(m->data, data + 6, 136);
    assert_true(four && four->dims == 4 && four->shape[0] == 2 && four->shape[3] == 4);
    assert_memory_equal(four->data, data + 136, 64);
    assert_int_equal(g4_gguf_find(&file, "none")->bytes, 0);
    g4_gguf_close(&file);
}

/* A value of another file, in every type a value may have. */
static void values_are_handed_on(void **state)
{
    struct fixture *f = *state;
    struct g4_gguf_writer *writer = begin(f);
    struct g4_gguf file, again;
    put_values(writer);
    assert_int_equal(g4_gguf_write_header(writer, &f->err), 0);
    g4_gguf_writer_free(writer);
    assert_int_equal(g4_gguf_open(&file, f->path, &f->err), 0);
    const char *path = fixture_path(f->folder, "again");
    const int fd = open(path, O_RDWR | O_CREAT, 0666);
    assert_true(fd >= 0);
    assert_int_equal(g4_gguf_writer_new(&writer, fd, path, &f->err), 0);
    for (size_t i = 0; i < file.value_count; i++)
        g4_gguf_put_value(writer, &file.values[i]);
    assert_int_equal(g4_gguf_write_header(writer, &f->err), 0);
    g4_gguf_writer_free(writer);
    close(fd);
    assert_int_equal(g4_gguf_open(&again, path, &f->err), 0);
    assert_values(&again);
    g4_gguf_close(&again);
    g4_gguf_close(&file);
}

static void gguf_refuses(void **state)
{
    struct fixture *f = *state;
    const size_t broken[] = {2, 33}, huge[] = {SIZE_MAX / 2, 64}, one[] = {1};
    struct g4_gguf_writer *writer = begin(f);
    size_t bytes;
    assert_int_equal(g4_gguf_announce(writer, "b", G4_DTYPE_Q4_0, 2, broken, &bytes, &f->err),
                     G4_EINPUT);
    assert_message(&f->err, "tensor 'b': too large, or rows of broken blocks");
    assert_int_equal(g4_gguf_announce(writer, "h", G4_DTYPE_F32, 2, huge, &bytes, &f->err),
                     G4_EINPUT);
    g4_gguf_put_u32(writer, "x.y", 1);
    g4_gguf_put_u32(writer, "x.yz", 1);
    g4_gguf_put_string(writer, "x.y", "again");
    assert_int_equal(g4_gguf_write_header(writer, &f->err), G4_EINPUT);
    assert_message(&f->err, "key 'x.y': there twice");
    g4_gguf_writer_free(writer);

    writer = begin(f);
    assert_int_equal(g4_gguf_announce(writer, "t", G4_DTYPE_F32, 1, one, &bytes, &f->err), 0);
    assert_int_equal(g4_gguf_announce(writer, "t", G4_DTYPE_F32, 1, one, &bytes, &f->err), 0);
    assert_int_equal(g4_gguf_write_header(writer, &f->err), G4_EINPUT);
    assert_message(&f->err, "tensor 't': there twice");
    g4_gguf_writer_free(writer);
}

/* A full disk is one error, and the first; what is written after it changes nothing. */
static void full_disk(void **state)
{
    struct fixture *f = *state;
    struct g4_gguf_writer *writer;
    const int full = open("/dev/full", O_WRONLY);
    if (full < 0)
        skip();
    assert_int_equal(g4_gguf_writer_new(&writer, full, "out", &f->err), 0);
    assert_int_equal(g4_gguf_write_header(writer, &f->err), G4_EIO);
    assert_message(&f->err, "'out': cannot write: No space left on device");
    f->err = (struct g4_err){0};
    assert_int_equal(g4_gguf_write_data(writer, "x", 1, &f->err), G4_EIO);
    assert_message(&f->err, "No space left");
    g4_gguf_writer_free(writer);
    close(full);
}

static void safetensors_comes_back(void **state)
{
    struct fixture *f = *state;
    const size_t matrix[] = {2, 3}, one[] = {1};
    struct g4_safetensors_writer *writer;
    struct g4_safetensors file;
    const unsigned char data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    assert_int_equal(g4_safetensors_writer_new(&writer, f->fd, f->path, &f->err), 0);
    assert_int_equal(g4_safetensors_announce(writer, "scalar", G4_DTYPE_BF16, 0, NULL, &f->err), 0);
    assert_int_equal(
        g4_safetensors_announce(writer, "a \"matrix\"", G4_DTYPE_SFP8, 2, matrix, &f->err), 0);
    assert_int_equal(g4_safetensors_announce(writer, "s", G4_DTYPE_F32, 1, one, &f->err), 0);
    assert_int_equal(g4_safetensors_announce(writer, "s", G4_DTYPE_F32, 1, one, &f->err),
                     G4_EINPUT);
    assert_message(&f->err, "tensor 's': there twice");
    g4_safetensors_writer_free(writer);

    assert_int_equal(g4_safetensors_writer_new(&writer, f->fd, f->path, &f->err), 0);
    assert_int_equal(g4_safetensors_announce(writer, "scalar", G4_DTYPE_BF16, 0, NULL, &f->err), 0);
    assert_int_equal(
        g4_safetensors_announce(writer, "a \"matrix\"", G4_DTYPE_SFP8, 2, matrix, &f->err), 0);
    assert_int_equal(g4_safetensors_announce(writer, "s", G4_DTYPE_F32, 1, one, &f->err), 0);
    assert_int_equal(g4_safetensors_write_header(writer, &f->err), 0);
    assert_int_equal(g4_safetensors_write_data(writer, data, 5, &f->err), 0);
    assert_int_equal(g4_safetensors_write_data(writer, data + 5, 7, &f->err), 0);
    g4_safetensors_write_end(writer);
    struct stat st;
    assert_int_equal(fstat(f->fd, &st), 0);
    assert_int_equal(st.st_size, g4_safetensors_writer_size(writer));
    assert_int_equal((st.st_size - 12) % 8, 0);
    g4_safetensors_writer_free(writer);

    if (g4_safetensors_open(&file, f->path, &f->err) < 0)
        fail_msg("%s", f->err.text);
    const struct g4_tensor *t = g4_safetensors_find(&file, "a \"matrix\"");
    assert_int_equal(file.count, 3);
    assert_true(t && t->dtype == G4_DTYPE_U8 && t->dims == 2 && t->shape[1] == 3);
    assert_memory_equal(t->data, data + 2, 6);
    assert_memory_equal(g4_safetensors_find(&file, "s")->data, data + 8, 4);
    assert_int_equal(g4_safetensors_find(&file, "scalar")->dims, 0);
    g4_safetensors_close(&file);
}

static void safetensors_refuses(void **state)
{
    struct fixture *f = *state;
    const size_t huge[] = {SIZE_MAX / 4, 8};
    struct g4_safetensors_writer *writer;
    assert_int_equal(g4_safetensors_writer_new(&writer, f->fd, f->path, &f->err), 0);
    assert_int_equal(g4_safetensors_announce(writer, "h", G4_DTYPE_F32, 2, huge, &f->err),
                     G4_EINPUT);
    assert_message(&f->err, "tensor 'h': too large");
    assert_int_equal(g4_safetensors_announce(writer, "\xff", G4_DTYPE_F32, 0, NULL, &f->err),
                     G4_EINPUT);
    g4_safetensors_writer_free(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gguf_comes_back, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(values_are_handed_on, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(gguf_refuses, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(full_disk, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(safetensors_comes_back, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(safetensors_refuses, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
