// Recovery on demand, with the secret key only → the report.
import { z } from "zod";
import type { Call } from "../_shared/endpoint.ts";
import { problemOf } from "../_shared/problem.ts";

export const Input = z.object({});

export async function recover({ context }: Call<z.infer<typeof Input>>): Promise<Response> {
  const answer = await context.supabaseAdmin.rpc("recover");
  if (answer.error) throw problemOf(answer);
  return Response.json(answer.data);
}
