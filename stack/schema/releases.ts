import { join } from "node:path";

/** Its migrations are the first one alone. */
export const FIRST_RELEASE = "0.1.0";

/** Whether CHANGELOG.md has an entry of this version: from then on its migrations stay as they are. */
export function isReleased(root: string, version: string): boolean {
  return Deno.readTextFileSync(join(root, "CHANGELOG.md")).includes(`\n## [${version}]`);
}
