import assert from "node:assert/strict";
import { join } from "node:path";
import { serveConsole } from "./console.ts";

Deno.test("serveConsole() lets a browser come back until the console is built", async () => {
  const folder = await Deno.makeTempDir();
  const console = serveConsole(folder, "sb_publishable_x");
  const get = (path: string) => console.fetch(new Request(`http://127.0.0.1:54321${path}`));
  const early = await get("/servers/cloud-hub");
  assert.equal(early.status, 503);
  assert.equal(early.headers.get("refresh"), "2");
  await early.body?.cancel();
  const missing = await get("/assets/index.js");
  assert.equal(missing.status, 404);
  await missing.body?.cancel();

  await Deno.writeTextFile(join(folder, "index.html"), "<p>built</p>");
  const built = await get("/servers/cloud-hub");
  assert.equal(built.status, 200);
  assert.equal(built.headers.get("refresh"), null);
  assert.equal(await built.text(), "<p>built</p>");
  await Deno.remove(folder, { recursive: true });
});
