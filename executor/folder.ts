import { isAbsolute, join, relative, sep } from "node:path";

/** A task names a folder that it cannot run in; the message is for the person who sent it. */
export class FolderError extends Error {
  override name = "FolderError";
}

/**
 * The real path of a project below `root`. Symbolic links are followed before the check, so that
 * none leads out; a task without a project runs in the root.
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
  const path = isAbsolute(wanted) ? wanted : join(realRoot, wanted);
  if (wanted.includes("\0") || !isInside(realRoot, existing(path))) throw outside(root, wanted);
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

/** The real path of the nearest part of `path` that exists. */
function existing(path: string): string {
  for (let part = path;; part = join(part, "..")) {
    const real = realPath(part);
    if (real) return real;
  }
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

function realPath(path: string): string | null {
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
