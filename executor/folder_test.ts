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

Deno.test("projectFolder() takes no folder whose name begins with a dot for a project", () => {
  const { root, done } = tree();
  for (const folder of [".ssh", "app/.git/hooks"]) {
    Deno.mkdirSync(join(root, folder), { recursive: true });
  }
  Deno.symlinkSync("app/.git", join(root, "link"));
  for (const project of [".ssh", "app/.git", "app/.git/hooks", "link", "link/hooks"]) {
    assert.match(refusal(root, project), /name begins with a dot/, project);
  }
  for (const project of [".new", "app/.new/deeper", "link/new"]) {
    assert.match(refusal(root, project, "create"), /name begins with a dot/, project);
  }
  assert.equal(projectFolder(root, "./app/."), join(root, "app"));
  done();
});

Deno.test("projectFolder() finds a name however its accents are encoded", () => {
  const { root, done } = tree();
  const [composed, decomposed] = ["caf\u00e9", "cafe\u0301"] as const;
  Deno.mkdirSync(join(root, decomposed, "Me\u0301tier"), { recursive: true });
  assert.equal(
    projectFolder(root, `${composed}/M\u00e9tier`),
    join(root, decomposed, "Me\u0301tier"),
  );
  // What is there as it is written comes first.
  Deno.mkdirSync(join(root, composed));
  assert.equal(projectFolder(root, composed), join(root, composed));
  assert.equal(projectFolder(root, `${composed}/new`, "create"), join(root, composed, "new"));
  assert.match(refusal(root, `${composed}/none`), /does not exist/);
  done();
});
