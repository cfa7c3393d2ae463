// One command: {channel, command} → {command, chunks}; with Accept: text/plain, the text.
import { z } from "zod";
import { Channel, channelId } from "../_shared/aura/channel.ts";
import { clientOf } from "../_shared/aura/client.ts";
import type { Call } from "../_shared/aura/endpoint.ts";
import { problemOf } from "../_shared/aura/problem.ts";

export const Input = z.strictObject({ channel: Channel, command: z.string() });

export async function koji(
  { input, request, context }: Call<z.infer<typeof Input>>,
): Promise<Response> {
  const client = clientOf(context);
  const answer = await client.rpc("execute_command", {
    channel_id: await channelId(client, input.channel),
    command: input.command,
  });
  if (answer.error) throw problemOf(answer);
  if (!request.headers.get("accept")?.includes("text/plain")) return Response.json(answer.data);
  return new Response(answer.data.chunks.join(""), {
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}
