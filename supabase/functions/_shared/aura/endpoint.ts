// What every edge function does around its handler: the method, the body within a limit and in the
// right shape, the caller, and one shape for every refusal.
import { type SupabaseContext, withSupabase, type WithSupabaseConfig } from "@supabase/server";
import type { z } from "zod";
import { Problem } from "./problem.ts";

/** Bytes: room for the longest content, 32,000 characters, however it is written in JSON. */
const MAX_BODY = 512 * 1024;
const SIGN_IN = "Sign in and send the access token in the Authorization header.";

export interface Call<Input> {
  input: Input;
  request: Request;
  context: SupabaseContext;
}

/** A fetch handler for POST requests whose body is JSON of this shape. */
export function endpoint<Input>(
  auth: WithSupabaseConfig["auth"],
  shape: z.ZodType<Input>,
  handler: (call: Call<Input>) => Promise<Response>,
): (request: Request) => Promise<Response> {
  const handle = withSupabase({ auth }, async (request, context) => {
    try {
      if (context.authMode === "secret") refuseBrowsers(request);
      return await handler({ input: await read(request, shape), request, context });
    } catch (error) {
      if (error instanceof Problem) return error.toResponse();
      console.error(error);
      return new Problem(500, "internal", "The function failed; its log says why.").toResponse();
    }
  });
  return async (request) => {
    if (request.method !== "POST" && request.method !== "OPTIONS") {
      return new Problem(405, "method_not_allowed", "This function answers POST.").toResponse();
    }
    // withSupabase reads the whole body before it looks at anything.
    if (Number(request.headers.get("content-length")) > MAX_BODY) return tooLong().toResponse();
    return await uniform(await handle(request));
  };
}

/** A secret key in a browser is known to everybody who uses the page. */
function refuseBrowsers({ headers }: Request): void {
  if (!headers.has("origin") && !/^\s*Mozilla\//i.test(headers.get("user-agent") ?? "")) return;
  throw new Problem(
    401,
    "secret_key_in_browser",
    "The secret key may not be used in a browser.",
    "Call this function from a server.",
  );
}

async function read<Input>(request: Request, shape: z.ZodType<Input>): Promise<Input> {
  const text = await request.text();
  if (text.length > MAX_BODY) throw tooLong();
  let body: unknown;
  try {
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    throw new Problem(400, "bad_argument", "The body is not valid JSON.");
  }
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) =>
    [path.join("."), message].filter(Boolean).join(": ")
  );
  throw new Problem(400, "bad_argument", `The body is not valid: ${issues.join("; ")}.`);
}

function tooLong(): Problem {
  return new Problem(413, "content_too_long", `The body is longer than ${MAX_BODY} bytes.`);
}

/** A refusal by withSupabase itself, which has the header and a shape of its own, in our shape. */
async function uniform(response: Response): Promise<Response> {
  if (!response.headers.has("x-supabase-server-error")) return response;
  const { code, message: text, hint } = await response.json();
  const message = text.replace(/^\[[^\]]*\] /, "");
  // Its hints are for whoever writes the function: they would have a browser send the secret key.
  const problem = response.status === 401
    ? new Problem(401, "not_signed_in", message, SIGN_IN)
    : new Problem(response.status, code, message, hint ?? null);
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return new Response(problem.toResponse().body, { status: response.status, headers });
}
