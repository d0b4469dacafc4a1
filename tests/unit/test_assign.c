/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: ownership moves as little as it can. Method: many tasks, sets of nodes that differ by one,
 * counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "coord/assign.h"

enum {
    TASKS = 2000,
    NODES = 5
};

static struct slice task_name(char buf[32], int i)
{
    return slice_of(buf, (size_t)snprintf(buf, 32, "enrich/out/eqiad/src/%d", i));
}

static const char *const NAMES[NODES] = {"n1", "n2", "n3", "n4", "n5"};

static void nodes_of(struct assign_node nodes[NODES])
{
    for (int i = 0; i < NODES; i++)
        nodes[i] = (struct assign_node){.name = slice_str(NAMES[i]), .weight = 1};
}

static void nobody_owns_anything_where_there_are_no_nodes(void **state)
{
    (void)state;
    assert_int_equal(assign_owner(NULL, 0, SLICE_LIT("merge/out")), -1);
}

static void the_order_of_the_list_does_not_matter(void **state)
{
    struct assign_node nodes[NODES];
    struct assign_node turned[NODES];
    char buf[32];

    (void)state;
    nodes_of(nodes);
    for (int i = 0; i < NODES; i++)
        turned[i] = nodes[NODES - 1 - i];
    for (int i = 0; i < TASKS; i++) {
        const struct slice task = task_name(buf, i);
        assert_int_equal(assign_owner(nodes, NODES, task),
                         NODES - 1 - assign_owner(turned, NODES, task));
    }
}

static void a_node_that_goes_moves_only_its_own_tasks(void **state)
{
    struct assign_node nodes[NODES];
    char buf[32];

    (void)state;
    nodes_of(nodes);
    for (int i = 0; i < TASKS; i++) {
        const int before = assign_owner(nodes, NODES, task_name(buf, i));
        const int after = assign_owner(nodes, NODES - 1, task_name(buf, i));
        if (before != NODES - 1)
            assert_int_equal(after, before);
        assert_true(after < NODES - 1);
    }
}

static void a_node_that_comes_takes_its_share_and_nothing_else_moves(void **state)
{
    struct assign_node nodes[NODES];
    char buf[32];
    int moved = 0;

    (void)state;
    nodes_of(nodes);
    for (int i = 0; i < TASKS; i++) {
        const int before = assign_owner(nodes, NODES - 1, task_name(buf, i));
        const int after = assign_owner(nodes, NODES, task_name(buf, i));
        assert_true(after == before || after == NODES - 1);
        moved += after != before;
    }
    assert_in_range(moved, TASKS / NODES * 8 / 10, TASKS / NODES * 12 / 10);
}

static void a_node_of_weight_three_gets_three_shares(void **state)
{
    struct assign_node nodes[NODES];
    char buf[32];
    int heavy = 0;

    (void)state;
    nodes_of(nodes);
    nodes[2].weight = 3;
    for (int i = 0; i < TASKS; i++)
        heavy += assign_owner(nodes, NODES, task_name(buf, i)) == 2;
    assert_in_range(heavy, TASKS * 3 / 7 * 9 / 10, TASKS * 3 / 7 * 11 / 10);
}

static void a_heavier_node_takes_tasks_only_for_itself(void **state)
{
    struct assign_node nodes[NODES];
    struct assign_node heavier[NODES];
    char buf[32];

    (void)state;
    nodes_of(nodes);
    nodes_of(heavier);
    heavier[1].weight = 4;
    for (int i = 0; i < TASKS; i++) {
        const int before = assign_owner(nodes, NODES, task_name(buf, i));
        const int after = assign_owner(heavier, NODES, task_name(buf, i));
        assert_true(after == before || after == 1);
    }
}

static void a_draining_node_keeps_nothing_unless_all_are_draining(void **state)
{
    struct assign_node nodes[NODES];
    char buf[32];

    (void)state;
    nodes_of(nodes);
    for (int i = 0; i < TASKS; i++) {
        nodes_of(nodes);
        const int before = assign_owner(nodes, NODES, task_name(buf, i));
        nodes[0].is_draining = true;
        const int drained = assign_owner(nodes, NODES, task_name(buf, i));
        assert_true(drained != 0);
        assert_true(before == 0 || drained == before);
        for (int j = 0; j < NODES; j++)
            nodes[j].is_draining = true;
        assert_int_equal(assign_owner(nodes, NODES, task_name(buf, i)), before);
    }
}

static void absurd_weights_count_as_the_limits(void **state)
{
    struct assign_node nodes[2] = {{.name = SLICE_LIT("a"), .weight = UINT32_MAX},
                                   {.name = SLICE_LIT("b"), .weight = ASSIGN_WEIGHT_MAX}};
    struct assign_node same[2] = {{.name = SLICE_LIT("a"), .weight = ASSIGN_WEIGHT_MAX},
                                  {.name = SLICE_LIT("b"), .weight = ASSIGN_WEIGHT_MAX}};
    struct assign_node zero[2] = {{.name = SLICE_LIT("a")}, {.name = SLICE_LIT("b")}};
    struct assign_node one[2] = {{.name = SLICE_LIT("a"), .weight = 1},
                                 {.name = SLICE_LIT("b"), .weight = 1}};
    char buf[32];

    (void)state;
    for (int i = 0; i < 200; i++) {
        const struct slice task = task_name(buf, i);
        assert_int_equal(assign_owner(nodes, 2, task), assign_owner(same, 2, task));
        assert_int_equal(assign_owner(zero, 2, task), assign_owner(one, 2, task));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_owns_anything_where_there_are_no_nodes),
        cmocka_unit_test(the_order_of_the_list_does_not_matter),
        cmocka_unit_test(a_node_that_goes_moves_only_its_own_tasks),
        cmocka_unit_test(a_node_that_comes_takes_its_share_and_nothing_else_moves),
        cmocka_unit_test(a_node_of_weight_three_gets_three_shares),
        cmocka_unit_test(a_heavier_node_takes_tasks_only_for_itself),
        cmocka_unit_test(a_draining_node_keeps_nothing_unless_all_are_draining),
        cmocka_unit_test(absurd_weights_count_as_the_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
