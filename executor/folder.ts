import { isAbsolute, join, relative, sep } from "node:path";

/** A task names a folder that it cannot run in; the message is for the person who sent it. */
export class FolderError extends Error {
  override name = "FolderError";
}

/**
 * The real path of a project below `root`. Symbolic links are followed before the check, so that
 * none leads out; a task without a project runs in the root. Folders whose names begin with a dot
 * hold settings, keys and repositories, and are no projects.
 */
export function projectFolder(
  root: string,
  project: string | null,
  missing: "fail" | "create" = "fail",
): string {
  const wanted = project ?? "";
  const realRoot = realPath(root);
  if (!realRoot) {
    throw new FolderError(
      `The root folder "${root}" does not exist: set "root" in the executor's configuration.`,
    );
  }
  const path = asSpelled(realRoot, isAbsolute(wanted) ? wanted : join(realRoot, wanted));
  if (wanted.includes("\0") || !isInside(realRoot, existing(path))) throw outside(root, wanted);
  if (isHidden(realRoot, path) || isHidden(realRoot, existing(path))) throw hidden(root, wanted);
  if (missing === "create" && !realPath(path)) Deno.mkdirSync(path, { recursive: true });
  const real = realPath(path);
  if (!real) {
    throw new FolderError(
      `The folder "${wanted}" does not exist below "${root}": create it or clone the project ` +
        `there, then retry the task.`,
    );
  }
  if (!isInside(realRoot, real)) throw outside(root, wanted);
  if (!Deno.statSync(real).isDirectory) {
    throw new FolderError(`The project "${wanted}" below "${root}" is a file, not a folder.`);
  }
  return real;
}

function outside(root: string, project: string): FolderError {
  return new FolderError(
    `The project "${
      project.replaceAll("\0", "\\0")
    }" is outside the root folder "${root}": give the ` +
      `channel a project path below it.`,
  );
}

function hidden(root: string, project: string): FolderError {
  return new FolderError(
    `The project "${project}" is in a folder below "${root}" whose name begins with a dot, and ` +
      `those are no projects: give the channel another project path.`,
  );
}

function isHidden(root: string, path: string): boolean {
  return isInside(root, path) &&
    relative(root, path).split(sep).some((name) => name.startsWith("."));
}

/**
 * The path as the disk has it: a name of composed and one of decomposed characters look the same,
 * and some systems hand out the other one.
 */
function asSpelled(root: string, path: string): string {
  if (path.includes("\0") || !isInside(root, path)) return path;
  let found = root;
  for (const name of relative(root, path).split(sep)) {
    const there = realPath(join(found, name)) ? name : sameName(found, name);
    found = join(found, there ?? name);
  }
  return found;
}

function sameName(folder: string, name: string): string | undefined {
  // Most names have one spelling only.
  if (name.normalize("NFC") === name.normalize("NFD")) return;
  try {
    return [...Deno.readDirSync(folder)].map((entry) => entry.name)
      .find((entry) => entry.normalize("NFC") === name.normalize("NFC"));
  } catch {
    // Not there, or not to be read: what follows says so.
  }
}

/** The real path of the nearest part of `path` that exists. */
export function existing(path: string): string {
  for (let part = path;; part = join(part, "..")) {
    const real = realPath(part);
    if (real) return real;
  }
}

/** Whether a path is the root or below it; both are real. */
export function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

export function realPath(path: string): string | null {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
      error instanceof Deno.errors.FilesystemLoop
    ) return null;
    throw error;
  }
}
