/* fuzz_config.c - any bytes as config.json: refused with a message, or a configuration in order. */
#include "tests/fuzz/check_config.h"

#include <stdint.h>
#include <string.h>

#include "lib/format/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
        check_text_config(&config.text);
        assert(g4_config_read(&again, root, "f", &err) == 0 && g4_config_equal(&config, &again));
        g4_config_release(&again);
    } else {
        assert(err.text[0] != '\0' && !strchr(err.text, '\n') && !config.text.layer);
    }
    g4_config_release(&config);
    json_decref(root);
    return 0;
}
