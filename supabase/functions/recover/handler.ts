// Recovery on demand, with the secret key only → the report. And the objects of files that are gone go.
import { z } from "zod";
import { removeObjects } from "../_shared/aura/bucket.ts";
import type { Call } from "../_shared/aura/endpoint.ts";
import { Problem, problemOf } from "../_shared/aura/problem.ts";

export const Input = z.strictObject({});

export async function recover({ context }: Call<z.infer<typeof Input>>): Promise<Response> {
  if (context.authMode !== "secret") {
    throw new Problem(
      403,
      "role_required",
      "This needs the secret key.",
      "Call it from a server, with the secret key in the header apikey.",
    );
  }
  const answer = await context.supabaseAdmin.rpc("recover");
  if (answer.error) throw problemOf(answer);
  await removeObjects(context.supabaseAdmin);
  return Response.json(answer.data);
}
