/* fuzz_safetensors.c - any bytes as a safetensors file: refused, or every tensor can be read. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/format/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct g4_err err = {0};
    struct g4_safetensors file;
    volatile float sum = 0;
    if (g4_safetensors_parse(&file, data, size, "f", &err) < 0) {
        assert(err.text[0] != '\0' && !strchr(err.text, '\n') && !file.tensors);
        return 0;
    }
    size_t covered = 0;
    for (size_t i = 0; i < file.count; i++) {
        const struct g4_tensor *tensor = &file.tensors[i];
        size_t count = g4_tensor_count(tensor);
        assert(g4_safetensors_find(&file, tensor->name) == tensor);
        covered += tensor->bytes;
        if (count > 0 && tensor->dtype < G4_DTYPE_BOOL)
            sum = sum + g4_tensor_get(tensor, 0) + g4_tensor_get(tensor, count - 1);
    }
    assert(covered < size);
    g4_safetensors_close(&file);
    return 0;
}
