/* SPDX-License-Identifier: MIT
 *
 * box_check.cpp: scenarios of C++ code: a box in which one thread leaves a message for another.
 */
#include <atomic>
#include <stdexcept>
#include <string>
#include <thetis/check.h>
#include <vector>

namespace {

struct message {
    std::string text;
    std::vector<int> numbers;
};

std::atomic<message *> box;

void setup()
{
    box = nullptr;
}

void put(std::memory_order order)
{
    message *m = new message{"longer than what a string keeps in itself", {1, 2, 3}};
    thetis_check_begin("box.put", 1);
    box.store(m, order);
    thetis_check_end();
}

void get()
{
    thetis_check_begin("box.get", 1);
    const message *m = box.load(std::memory_order_acquire);
    thetis_check_end();
    try {
        if (m) throw std::runtime_error(m->text);
    } catch (const std::runtime_error &caught) {
        THETIS_CHECK(caught.what() == m->text && m->numbers.size() == 3);
    }
}

void body(unsigned thread)
{
    if (thread == 0) put(std::memory_order_release);
    else get();
}

void relaxed_body(unsigned thread)
{
    if (thread == 0) put(std::memory_order_relaxed);
    else get();
}

void done()
{
    delete box.load();
}

thetis_check_scenario scenario(const char *name, void (*run)(unsigned), void (*end)(),
                               const char *expect)
{
    thetis_check_scenario s = {};
    s.name = name;
    s.threads = 2;
    s.setup = setup;
    s.body = run;
    s.done = end;
    s.expect = expect;
    return s;
}

const thetis_check_scenario passes = scenario("box", body, done, nullptr);
const thetis_check_scenario races = scenario("control-box-race", relaxed_body, done, "race");
const thetis_check_scenario leaks = scenario("control-box-leak", body, nullptr, "leak");

} // namespace

THETIS_CHECK_MAIN(&passes, &races, &leaks)
