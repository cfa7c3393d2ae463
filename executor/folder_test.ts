import assert from "node:assert/strict";
import { join } from "node:path";
import { FolderError, projectFolder } from "./folder.ts";

/** root/{app/src, file, out → elsewhere, in → app, up → .., loop → loop, gone → elsewhere/none} */
function tree(): { root: string; done: () => void } {
  const base = Deno.realPathSync(Deno.makeTempDirSync());
  const root = join(base, "root");
  Deno.mkdirSync(join(root, "app/src"), { recursive: true });
  Deno.mkdirSync(join(base, "elsewhere"));
  Deno.mkdirSync(join(base, "root-beside"));
  Deno.writeTextFileSync(join(root, "file"), "");
  Deno.symlinkSync(join(base, "elsewhere"), join(root, "out"));
  Deno.symlinkSync("app", join(root, "in"));
  Deno.symlinkSync("..", join(root, "up"));
  Deno.symlinkSync("loop", join(root, "loop"));
  Deno.symlinkSync(join(base, "elsewhere/none"), join(root, "gone"));
  return { root, done: () => Deno.removeSync(base, { recursive: true }) };
}

function refusal(root: string, project: string, missing?: "create"): string {
  try {
    return `allowed: ${projectFolder(root, project, missing)}`;
  } catch (error) {
    assert.ok(error instanceof FolderError, String(error));
    return error.message;
  }
}

Deno.test("projectFolder() gives the real path of a folder inside the root", () => {
  const { root, done } = tree();
  assert.equal(projectFolder(root, "app/src"), join(root, "app/src"));
  assert.equal(projectFolder(root, "app/../app"), join(root, "app"));
  assert.equal(projectFolder(root, "in/src"), join(root, "app/src"));
  assert.equal(projectFolder(root, join(root, "app")), join(root, "app"));
  assert.equal(projectFolder(root, null), root);
  assert.equal(projectFolder(root, ""), root);
  done();
});

Deno.test("projectFolder() refuses what leads out of the root", () => {
  const { root, done } = tree();
  for (
    const project of [
      "out",
      "up",
      "..",
      "../elsewhere",
      "../root-beside",
      "/",
      "/etc",
      "app/../..",
      "a\0b",
    ]
  ) {
    assert.match(refusal(root, project), /is outside the root folder/, project);
    assert.match(refusal(root, project, "create"), /is outside the root folder/, project);
  }
  assert.match(refusal(root, "out/new", "create"), /is outside the root folder/);
  done();
});

Deno.test("projectFolder() names a missing folder and what to do", () => {
  const { root, done } = tree();
  for (const project of ["none", "none/deeper", "loop", "gone", "file/deeper"]) {
    assert.match(refusal(root, project), /does not exist below .*then retry the task/, project);
  }
  assert.match(refusal(root, "file"), /is a file, not a folder/);
  assert.match(refusal(join(root, "none"), "app"), /root folder .* does not exist/);
  done();
});

Deno.test("projectFolder() creates a missing folder only when told to", () => {
  const { root, done } = tree();
  assert.equal(projectFolder(root, "new/deeper", "create"), join(root, "new/deeper"));
  done();
});
