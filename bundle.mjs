// Makes dist/ of a package: its programs and all that they import, as plain JavaScript.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

/** `base` is the URL of the package's own script; `input` maps each file in dist/ to its source. */
export async function bundle(base, input, output = {}) {
  const here = (path) => fileURLToPath(new URL(path, base));
  rmSync(here("dist"), { recursive: true, force: true });
  await build({
    input: Object.fromEntries(Object.entries(input).map(([name, path]) => [name, here(path)])),
    platform: "node",
    logLevel: "warn",
    output: { dir: here("dist"), ...output },
  });
}
