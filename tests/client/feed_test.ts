// The order of reads and broadcasts, which a running stack leaves to chance.
import assert from "node:assert/strict";
import { follow, type Source } from "../../client/feed.ts";
import type { Listener } from "../../client/topics.ts";

interface Note {
  id: string;
  text: string;
}

/** A table, what was read of it, and a topic to broadcast on. */
class Board {
  table: Note[] = [];
  readonly reads: string[] = [];
  listener!: Listener;
  readonly topics = {
    listen: (_name: string, listener: Listener) => {
      this.listener = listener;
      return () => {};
    },
  };
  readonly source: Source<Note> = {
    topic: "board",
    event: "note",
    includes: () => true,
    version: ({ text }) => text,
    current: () => Promise.resolve(this.table),
    missed: () => Promise.resolve(this.#read("all", () => true)),
    byIds: (ids) => Promise.resolve(this.#read(ids.join(), ({ id }) => ids.includes(id))),
    start() {},
    note() {},
    isOlder: () => false,
  };

  broadcast(id: string, text: string, truncated = false) {
    this.listener.broadcast("note", { id, text, truncated });
  }

  #read(what: string, wanted: (note: Note) => boolean): Note[] {
    if (what) this.reads.push(what);
    return this.table.filter(wanted).map((note) => ({ ...note }));
  }
}

async function next(feed: AsyncGenerator<{ kind: string; row: Note }>): Promise<string> {
  const { value } = await feed.next();
  return `${value!.kind} ${value!.row.id} ${value!.row.text}`;
}

Deno.test("follow() does not step back when a broadcast is older than what was read", async () => {
  const board = new Board();
  const feed = follow(board.topics, board.source, [], undefined);
  const first = next(feed);
  board.table = [{ id: "a", text: "2" }];
  board.listener.joined();
  assert.equal(await first, "new a 2");

  const second = next(feed);
  board.broadcast("a", "1");
  board.broadcast("b", "1");
  assert.equal(await second, "new b 1");
  assert.deepEqual(board.reads, ["all", "a"]);
});

Deno.test("follow() reads a changed row until a broadcast agrees, then trusts broadcasts", async () => {
  const board = new Board();
  const feed = follow(board.topics, board.source, [{ id: "a", text: "1" }], undefined);
  const first = next(feed);
  board.table = [{ id: "a", text: "2" }];
  board.broadcast("a", "2");
  assert.equal(await first, "changed a 2");
  assert.deepEqual(board.reads, ["a"]);

  const second = next(feed);
  board.broadcast("a", "2");
  board.broadcast("a", "3");
  assert.equal(await second, "changed a 3");
  assert.deepEqual(board.reads, ["a"]);
});

Deno.test("follow() reads a truncated row, and all rows after each join", async () => {
  const board = new Board();
  const feed = follow(board.topics, board.source, [], undefined);
  const first = next(feed);
  board.table = [{ id: "a", text: "whole" }];
  board.broadcast("a", "who", true);
  assert.equal(await first, "new a whole");

  const second = next(feed);
  board.table.push({ id: "b", text: "missed" });
  board.listener.joined();
  assert.equal(await second, "new b missed");
  assert.deepEqual(board.reads, ["a", "all"]);
});

Deno.test("follow() reads the table when more is broadcast than a slow reader takes", async () => {
  const board = new Board();
  const feed = follow(board.topics, board.source, [], undefined);
  const first = next(feed);
  board.table = Array.from({ length: 1500 }, (_, n) => ({ id: String(n), text: "x" }));
  for (const { id, text } of board.table) board.broadcast(id, text);
  assert.equal(await first, "new 0 x");
  for (let n = 1; n < 1500; n++) assert.equal(await next(feed), `new ${n} x`);
  assert.deepEqual(board.reads, ["all"]);
});
