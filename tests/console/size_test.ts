import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { builtConsole } from "./built.ts";

const DIST = resolve(import.meta.dirname!, "../../console/dist");
/** What a first channel needs, compressed as a host would send it. */
const MOST = 180_000;

Deno.test("a first channel needs no more JavaScript than it should", async () => {
  await builtConsole();
  const page = await Deno.readTextFile(join(DIST, "index.html"));
  const needed = [...page.matchAll(/(?:src|href)="([^"]+\.js)"/g)].map(([, path]) => path!);
  assert(needed.length > 0);
  const sizes = needed.map((path) => gzipSync(Deno.readFileSync(join(DIST, path))).length);
  const size = sizes.reduce((sum, each) => sum + each, 0);
  assert(size <= MOST, `${size} bytes: ${needed.join(", ")}`);
  const code = needed.map((path) => Deno.readTextFileSync(join(DIST, path))).join();
  for (const later of ["micromark", "hast"]) {
    assert(!code.includes(later), `"${later}" belongs to what is loaded later`);
  }
});
