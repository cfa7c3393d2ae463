// A task: {channel, content, file_ids, ...} → 202 {message, task, thread}; with Accept: text/event-stream, its
// life as events.
import { z } from "zod";
import { Channel, channelId } from "../_shared/aura/channel.ts";
import { clientOf } from "../_shared/aura/client.ts";
import type { Call } from "../_shared/aura/endpoint.ts";
import { problemOf } from "../_shared/aura/problem.ts";
import { taskEvents } from "./events.ts";

export const Input = z.strictObject({
  channel: Channel,
  content: z.string().nullish(),
  task_thread_id: z.uuid().nullish(),
  model: z.string().nullish(),
  priority: z.int().min(-100).max(100).nullish(),
  run_at: z.iso.datetime({ offset: true }).nullish(),
  idempotency_key: z.string().min(1).max(200).nullish(),
  file_ids: z.array(z.uuid()).max(100).nullish(),
});

export async function dispatch(
  { input, request, context }: Call<z.infer<typeof Input>>,
): Promise<Response> {
  const client = clientOf(context);
  const { channel, ...task } = input;
  const answer = await client.rpc("dispatch_task", {
    channel_id: await channelId(client, channel),
    ...task,
  });
  if (answer.error) throw problemOf(answer);
  if (!request.headers.get("accept")?.includes("text/event-stream")) {
    return Response.json(answer.data, { status: 202 });
  }
  return new Response(taskEvents(client, answer.data), {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}
