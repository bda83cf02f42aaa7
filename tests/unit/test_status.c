/* SPDX-License-Identifier: MIT
 *
 * test_status.c: every status has its number, a name and a sentence; so has the version.
 */
#include "harness/test.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <thetis/status.h>
#include <thetis/version.h>

typedef struct status_row {
    int number;
    const char *name;
} status_row;

/* Written by hand, not taken from the list: programs store and send these numbers. */
static const status_row status_rows[] = {
    {0, "OK"},          {1, "EMPTY"},          {2, "FULL"},       {3, "CLOSED"},
    {4, "ABSENT"},      {5, "EXISTS"},         {6, "MISMATCH"},   {7, "LOST"},
    {8, "AGAIN"},       {9, "EOF"},            {-1, "EINVAL"},    {-2, "ENOMEM"},
    {-3, "ENOSLOT"},    {-4, "E2BIG"},         {-5, "ECORRUPT"},  {-6, "ENOTSUP"},
    {-7, "ECANCELED"},  {-8, "EREFUSED"},      {-9, "ERESET"},    {-10, "ENOBUFS"},
    {-11, "EUNREACH"},  {-12, "ETIMEDOUT"},    {-13, "EADDRINUSE"},
    {-14, "EADDRNOTAVAIL"}, {-15, "EACCES"},   {-16, "EMFILE"},   {-17, "EBUSY"},
    {-18, "EINTR"},     {-19, "ENOTCONN"},     {-20, "EOTHER"},
};

enum { STATUS_ROWS = sizeof status_rows / sizeof status_rows[0] };

TEST(each_number_keeps_its_name)
{
    for (size_t i = 0; i < STATUS_ROWS; i++) {
        CHECK_STR(thetis_status_name((thetis_status)status_rows[i].number), status_rows[i].name);
    }
}

TEST(each_text_is_a_sentence)
{
    for (size_t i = 0; i < STATUS_ROWS; i++) {
        const char *text = thetis_status_text((thetis_status)status_rows[i].number);
        size_t len = strlen(text);
        CHECK(len > 3);
        CHECK(islower((unsigned char)text[0]));
        CHECK(text[len - 1] != '.');
        for (size_t j = 0; j < i; j++) {
            CHECK(strcmp(text, thetis_status_text((thetis_status)status_rows[j].number)) != 0);
        }
    }
}

/* The table above is complete: nothing else in reach has a name. */
TEST(other_numbers_are_question_marks)
{
    size_t named = 0;
    for (int number = -1000; number <= 1000; number++) {
        int unknown = strcmp(thetis_status_name((thetis_status)number), "?") == 0;
        CHECK_EQ(strcmp(thetis_status_text((thetis_status)number), "?") == 0, unknown);
        named += !unknown;
    }
    CHECK_EQ(named, STATUS_ROWS);
    CHECK_STR(thetis_status_name(THETIS_STATUS_WIDTH_), "?");
    CHECK_STR(thetis_status_text((thetis_status)INT32_MIN), "?");
}

TEST(version_of_headers_and_library_agree)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%d.%d.%d", THETIS_VERSION_MAJOR, THETIS_VERSION_MINOR,
                   THETIS_VERSION_PATCH);
    CHECK_STR(THETIS_VERSION_STRING, text);
    CHECK_STR(thetis_version(), text);
}

TEST_MAIN(T(each_number_keeps_its_name), T(each_text_is_a_sentence),
          T(other_numbers_are_question_marks), T(version_of_headers_and_library_agree))
