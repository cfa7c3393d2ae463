// One release has one version: in the database, in the client and in every package.
import assert from "node:assert/strict";
import { join } from "node:path";
import { VERSION } from "../../client/version.ts";
import { connect } from "../stack.ts";

const ROOT = join(import.meta.dirname!, "../..");

Deno.test("hub.version(), the client and every package have one version", async () => {
  await using sql = connect();
  const [row] = await sql<{ version: string }[]>`select hub.version()`;
  assert.equal(row!.version, VERSION);
  const manifest = await json("package.json");
  for (const workspace of [".", ...manifest.workspaces]) {
    const { name, version, dependencies = {}, peerDependencies = {} } = await json(
      join(workspace, "package.json"),
    );
    assert.equal(version, VERSION, name);
    for (const [other, range] of Object.entries({ ...dependencies, ...peerDependencies })) {
      if (other.startsWith("@aura-servers/")) assert.equal(range, VERSION, `${name}: ${other}`);
    }
  }
});

async function json(path: string) {
  return JSON.parse(await Deno.readTextFile(join(ROOT, path)));
}
