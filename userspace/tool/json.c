// SPDX-License-Identifier: GPL-2.0-only
/* JSON output. */
#include <stdio.h>

#include "tool.h"

void json_print(struct json_object *object, bool compact)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	if (!compact)
		flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;

	/* Whoever reads a stream wants each line when it is there. */
	puts(json_object_to_json_string_ext(object, flags));
	fflush(stdout);
	json_object_put(object);
}

void json_add_u64(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

void json_add_string(struct json_object *object, const char *key,
		     const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

struct json_object *json_stats(const struct edudma_stats *stats)
{
	struct json_object *object = json_object_new_object();
	size_t i;

	for (i = 0; i < edudma_stats_count(stats); i++)
		json_add_u64(object, edudma_stats_name(stats, i),
			     edudma_stats_value(stats, i));
	return object;
}
