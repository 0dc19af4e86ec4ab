/*
 * Any text as an array that is read element by element: it is read to its end, with every element
 * parsed by jansson, exactly when jansson takes the whole; and then the elements are the same. A member
 * that is found is the one that jansson finds.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "wire/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Deeper texts are refused before slices are made, see wire/frame.h; jansson's parser calls itself. */
#define DEPTH_MAX 64

static int is_shallow(const uint8_t *data, size_t size)
{
    size_t opened = 0;
    for (size_t i = 0; i < size; i++)
        opened += data[i] == '{' || data[i] == '[';
    return opened <= DEPTH_MAX;
}

static json_t *parse(const void *text, size_t size)
{
    return json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

/* The array element by element; NULL: malformed. */
static json_t *by_slices(const uint8_t *data, size_t size)
{
    struct slice_elements elements;
    struct bytes_view element;
    if (!slice_elements_begin(&elements, (struct bytes_view){.data = data, .size = size}))
        return NULL;
    json_t *array = json_array();
    int next;
    while ((next = slice_elements_next(&elements, &element)) > 0) {
        if (json_array_append_new(array, parse(element.data, element.size)) != 0) {
            next = -EBADMSG;
            break;
        }
    }
    if (next == 0)
        return array;
    json_decref(array);
    return NULL;
}

static void check_member(const uint8_t *data, size_t size, const json_t *whole)
{
    struct bytes_view value =
        slice_member((struct bytes_view){.data = data, .size = size}, "params");
    if (!json_is_object(whole) || !value.data)
        return;
    json_t *found = parse(value.data, value.size);
    if (!found || !json_equal(found, json_object_get(whole, "params")))
        abort();
    json_decref(found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!is_shallow(data, size))
        return 0;
    json_t *whole = parse(data, size);
    check_member(data, size, whole);
    json_t *sliced = by_slices(data, size);
    int is_array = size > 0 && data[0] == '[' && data[size - 1] == ']' && json_is_array(whole);
    if (is_array != (sliced != NULL) || (is_array && !json_equal(whole, sliced)))
        abort();
    json_decref(sliced);
    json_decref(whole);
    return 0;
}
