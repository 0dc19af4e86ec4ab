/*
 * The details of a job for people.
 */
#ifndef AWAITCTL_DETAILS_TEXT_H
#define AWAITCTL_DETAILS_TEXT_H

#include <stdio.h>
#include <jansson.h>

/* Prints an indented "name: value" line for each fact; what is nested has dotted names. Long texts are
 * cut. */
void details_text_print(const json_t *details, FILE *file);

#endif
