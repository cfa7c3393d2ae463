import assert from "node:assert/strict";
import { join } from "node:path";
import type { TaskFile } from "../hub.ts";
import { fetchFiles, FileError, safeName } from "./incoming.ts";

const claim = { id: "task", claim_id: "claim" };

/** A storage that answers with these bytes, and a folder to fetch them into. */
async function fetching(files: { name: string; bytes: string; say?: Partial<TaskFile> }[]) {
  const folder = Deno.makeTempDirSync();
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => new Response(files[Number(new URL(request.url).pathname.slice(1))]!.bytes),
  );
  const rows = files.map(({ name, bytes, say }, index): TaskFile => ({
    id: String(index),
    name,
    media_type: "text/plain",
    size: bytes.length,
    sha256: null,
    ...say,
  }));
  const hub = {
    readFile: (_: unknown, id: string) =>
      Promise.resolve(`http://127.0.0.1:${server.addr.port}/${id}`),
  };
  return { folder, paths: await fetchFiles(hub, claim, rows, folder) };
}

Deno.test("safeName() lets no name lead out, hide or read as an option", () => {
  const cases = {
    "plan.txt": "plan.txt",
    "../../etc/passwd": "_.._etc_passwd",
    "-rf": "rf",
    ".bashrc": "bashrc",
    "a\nb\u0000.txt": "a_b_.txt",
    "": "file",
    "...": "file",
    "Résumé 😀.pdf": "Résumé 😀.pdf",
  };
  for (const [name, safe] of Object.entries(cases)) assert.equal(safeName(name), safe, name);
  assert.ok(safeName("x".repeat(500) + ".txt").endsWith(".txt"));
  assert.ok(safeName("😀".repeat(500)).length < 200);
});

Deno.test("fetchFiles() keeps files of one name apart, and overwrites none", async () => {
  const { folder, paths } = await fetching([
    { name: "a.txt", bytes: "one" },
    { name: "A.txt", bytes: "two" },
    { name: "x/a.txt", bytes: "three" },
  ]);
  assert.deepEqual(paths, ["a.txt", "A-2.txt", "x_a.txt"].map((name) => join(folder, name)));
  assert.deepEqual(paths.map((path) => Deno.readTextFileSync(path)), ["one", "two", "three"]);
});

Deno.test("fetchFiles() refuses bytes that are not the ones that were sent", async () => {
  const wrong: Partial<TaskFile>[] = [{ size: 2 }, { size: 4 }, { sha256: "0".repeat(64) }];
  await Promise.all(wrong.map(async (say) => {
    await assert.rejects(fetching([{ name: "a.txt", bytes: "one", say }]), FileError);
  }));
});
