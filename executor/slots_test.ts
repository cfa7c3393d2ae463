import assert from "node:assert/strict";
import { Slots, type SlotUser } from "./slots.ts";

class User implements SlotUser {
  running = 0;
  rung = 0;
  busy = () => this.running;
  ring = () => void this.rung++;
}

function shared(size: number, count: number): [Slots, User[]] {
  const slots = new Slots(size);
  const users = Array.from({ length: count }, () => new User());
  for (const user of users) slots.join(user);
  return [slots, users];
}

Deno.test("hold() gives all free slots to the only user, and one at a time to one of several", () => {
  const [alone, [only]] = shared(3, 1);
  only!.running = 1;
  assert.equal(alone.hold(only!), 2);
  const [slots, [one, other]] = shared(3, 2);
  assert.deepEqual([slots.hold(one!), slots.hold(other!)], [1, 1]);
});

Deno.test("hold() counts what others run and hold", () => {
  const [slots, [one, other]] = shared(2, 2);
  one!.running = 1;
  assert.equal(slots.hold(other!), 1);
  assert.equal(slots.hold(one!), 0);
});

Deno.test("a slot that becomes free rings who asked in vain, the longest waiting first, and once", () => {
  const [slots, [one, other, third]] = shared(1, 3);
  const order: string[] = [];
  one!.ring = () => void order.push("one");
  other!.ring = () => void order.push("other");
  third!.running = 1;
  assert.deepEqual([slots.hold(other!), slots.hold(one!)], [0, 0]);
  slots.changed();
  assert.deepEqual(order, []);
  third!.running = 0;
  slots.changed();
  slots.changed();
  assert.deepEqual(order, ["other", "one"]);
});

Deno.test("a claim that found nothing rings nobody who has not asked", () => {
  const [slots, [one, other]] = shared(1, 2);
  slots.release(slots.hold(one!));
  assert.deepEqual([one!.rung, other!.rung], [0, 0]);
  assert.equal(slots.hold(other!), 1);
  assert.equal(slots.hold(one!), 0);
  slots.release(1);
  assert.deepEqual([one!.rung, other!.rung], [1, 0]);
});
