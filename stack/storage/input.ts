// What a request to Storage says, apart from bytes.
import type { z } from "zod";
import { withWholeBody } from "../body.ts";
import { problems } from "./problem.ts";

/** The parts of a path below /storage/v1/. */
export function readPath(pathname: string): string[] {
  const parts = pathname.split("/").slice(3);
  try {
    return parts.map(decodeURIComponent);
  } catch {
    throw problems.invalidRequest(`"${pathname}" is not a valid path`);
  }
}

/** The body, which must be JSON of this shape. */
export async function readBody<T extends z.ZodType>(
  request: Request,
  shape: T,
): Promise<z.infer<T>> {
  const whole = await withWholeBody(request);
  let json: unknown;
  try {
    json = await whole.json();
  } catch {
    throw problems.invalidRequest("Body is not valid JSON");
  }
  const { data, error } = shape.safeParse(json);
  if (!error) return data;
  const [{ path, message }] = error.issues as [z.core.$ZodIssue];
  throw problems.invalidRequest(`body/${path.join("/")} is not valid: ${message}`);
}
