// What an answer of lite means for the transaction it was found in, as with PostgREST: one that refuses
// undoes it, and one row that was asked for as an object is an object.
import { currentRequest } from "./request.ts";

/** Thrown to undo a transaction whose answer is a refusal. */
export class RolledBack extends Error {
  constructor(readonly answer: Response) {
    super("The answer is a refusal.");
  }
}

/** The answer as it should be; throws RolledBack when the transaction has to be undone. */
export async function settled<T>(answer: T): Promise<T> {
  if (!(answer instanceof Response)) return answer;
  const right = await asAskedFor(answer);
  if (right.status >= 400) throw new RolledBack(right);
  return right as T;
}

/** lite forgets that an object was asked for when it answers a change with embedded rows. */
async function asAskedFor(answer: Response): Promise<Response> {
  const asked = currentRequest.getStore()?.headers.get("accept") ?? "";
  if (!asked.includes("vnd.pgrst.object") || !answer.ok || !answer.body) return answer;
  const type = answer.headers.get("content-type") ?? "";
  if (!type.includes("json") || type.includes("vnd.pgrst.object")) return answer;
  const rows = await answer.json();
  if (!Array.isArray(rows)) return Response.json(rows, answer);
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  if (rows.length !== 1) return notOne(rows.length);
  headers.set("content-type", "application/vnd.pgrst.object+json; charset=utf-8");
  return new Response(JSON.stringify(rows[0]), { status: answer.status, headers });
}

function notOne(count: number): Response {
  return Response.json({
    code: "PGRST116",
    details: `The result contains ${count} rows`,
    hint: null,
    message: "Cannot coerce the result to a single JSON object",
  }, { status: 406 });
}
