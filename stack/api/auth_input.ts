// What Auth may be sent. lite answers some bodies with a failure of its own; here they are refused
// first, in the words and the shape of hosted Auth.
import { z } from "zod";

const text = (longest: number) =>
  z.string().max(longest, `is longer than ${longest} characters`).optional();

const Body = z.looseObject({
  email: text(255),
  password: text(1_000),
  refresh_token: text(1_000),
  token: text(1_000),
  token_hash: text(1_000),
  type: text(100),
  auth_code: text(1_000),
  code_verifier: text(1_000),
  data: z.record(z.string(), z.unknown(), "is not an object").nullish(),
});

/** The refusal of a body; undefined when it may pass. Bodies that are not JSON are lite's to refuse. */
export function refusedAuthInput(body: string): Response | undefined {
  if (body === "") return undefined;
  let isStorable = true;
  let json: unknown;
  try {
    json = JSON.parse(body, (key, value) => {
      isStorable &&= [key, value].every(isText);
      return value;
    });
  } catch {
    return undefined;
  }
  if (!isStorable) {
    return refused(
      "The body contains U+0000 or half a surrogate pair, which Postgres cannot store.",
    );
  }
  const { error } = Body.safeParse(json);
  if (!error) return undefined;
  const [issue] = error.issues;
  return refused(`${issue!.path.join(".") || "The body"}: ${issue!.message}`);
}

/** Whether a text, if it is one, can be stored. */
function isText(value: unknown): boolean {
  return typeof value !== "string" || value.isWellFormed() && !value.includes("\0");
}

function refused(msg: string): Response {
  return Response.json({ code: 400, error_code: "validation_failed", msg }, { status: 400 });
}
