import assert from "node:assert/strict";
import { join } from "node:path";
import { detect, findProgram } from "./detect.ts";
import { DEFAULT_PERMISSIONS as permissions } from "./permissions/table.ts";
import { PRESETS } from "./presets.ts";

function folderWith(name: string, text: string, mode = 0o700): string {
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  Deno.writeTextFileSync(join(folder, name), text, { mode });
  return folder;
}

Deno.test("findProgram() takes the first program on PATH that can be run", () => {
  const folder = folderWith("tool", "#!/bin/sh\n");
  const closed = folderWith("tool", "", 0o600);
  assert.equal(findProgram("tool", `relative:/nowhere:${closed}:${folder}`), join(folder, "tool"));
  assert.equal(findProgram("other", folder), null);
  assert.equal(findProgram(join(folder, "tool"), ""), join(folder, "tool"));
  assert.equal(findProgram(join(closed, "tool"), folder), null);
});

Deno.test("detect() leaves out what is not there, and asks the rest for their versions", async () => {
  const folder = folderWith("own", "#!/bin/sh\necho 'own tool v3.1.4-rc.1 (x)'\n");
  const own = { command: [join(folder, "own")], format: "text" as const, args: [], permissions };
  const found = await detect({
    claude: { ...own, version: [join(folder, "own"), "--version"] },
    codex: own,
    gemini: { ...PRESETS.gemini!, command: ["/nowhere/gemini"], args: [], permissions },
  });
  assert.deepEqual(found.map(({ model, version }) => [model, version]), [
    ["claude", "3.1.4-rc.1"],
    ["codex", null],
  ]);
});
