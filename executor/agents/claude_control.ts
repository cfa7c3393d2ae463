import type { AgentHost, Answer } from "./agent.ts";
import type { Event } from "./json.ts";
import { toolCall } from "./tool_call.ts";

export interface ControlRequest {
  request_id: string;
  request: Event;
}

/** Answers a `control_request` of Claude Code: may it use a tool, or what does a person say. */
export async function answerControl(
  { request_id, request = {} }: ControlRequest,
  host: AgentHost,
): Promise<void> {
  const response = request.subtype === "can_use_tool"
    ? { subtype: "success", request_id, response: await permission(request, host) }
    : { subtype: "error", request_id, error: `"${request.subtype}" is not known here.` };
  host.send(JSON.stringify({ type: "control_response", response }));
}

async function permission(request: Event, host: AgentHost): Promise<Event> {
  const input: Event = request.input ?? {};
  const id = String(request.tool_use_id ?? request.request_id ?? crypto.randomUUID());
  if (request.tool_name === "AskUserQuestion") return await questions(id, input, host);
  // A plan is part of the answer; whoever sent the task wants the work.
  if (request.tool_name === "ExitPlanMode") return { behavior: "allow", updatedInput: input };
  const answer = await host.ask({
    kind: "approval",
    id,
    call: toolCall(String(request.tool_name), input),
    ...(request.decision_reason && { reason: String(request.decision_reason) }),
  });
  if ("allow" in answer && answer.allow) return { behavior: "allow", updatedInput: input };
  return { behavior: "deny", message: "allow" in answer && answer.words || NO };
}

const NO = "This is not allowed here. Go on without it, or say in your answer what is missing.";

/** Each question of the tool is one question to a person. */
async function questions(id: string, input: Event, host: AgentHost): Promise<Event> {
  const asked: Event[] = Array.isArray(input.questions) ? input.questions : [];
  const answers = await Promise.all(asked.map((question, index) =>
    host.ask({
      kind: "question",
      id: `${id}/${index}`,
      title: String(question.question),
      detail: describe(question),
      choices: (question.options ?? []).map((option: Event) => String(option.label)),
    })
  ));
  if (answers.some((answer) => said(answer) === null)) {
    return { behavior: "deny", message: "Nobody answered. Do what can be done without an answer." };
  }
  const told = asked.map(({ question }, index) => [question, said(answers[index]!)]);
  return {
    behavior: "allow",
    updatedInput: { ...input, answers: Object.fromEntries(told) },
  };
}

function said(answer: Answer): string | null {
  return "text" in answer ? answer.text : null;
}

function describe(question: Event): string {
  const options: Event[] = question.options ?? [];
  return options.filter(({ label, description }) => description && description !== label)
    .map(({ label, description }) => `${label}: ${description}`).join("\n");
}
