/** Servers, channels and tasks by the names people use: `cloud-hub/dispatch`, `abcd1234`. */
import { closestMatch } from "leven";
import {
  type AuraClient,
  AuraError,
  type Channel,
  type Question,
  type Server,
  type Task,
} from "../client/index.ts";

export interface Place {
  server: Server;
  channel: Channel;
  /** As in `cloud-hub/dispatch`. */
  name: string;
}

export async function fetchPlaces(aura: AuraClient): Promise<Place[]> {
  const [servers, channels] = await Promise.all([aura.fetchServers(), aura.fetchChannels()]);
  return servers.flatMap((server) =>
    channels.filter((channel) => channel.server_id === server.id)
      .map((channel) => ({ server, channel, name: `${server.name}/${channel.name}` }))
  );
}

/** The server of this name. */
export async function findServer(aura: AuraClient, name: string): Promise<Server> {
  const servers = await aura.fetchServers();
  return servers.find((server) => server.name === name) ??
    unknown("server", name, servers.map((server) => server.name));
}

/** The channel called `server/channel`, or `channel` alone where only one server has it. */
export async function findPlace(aura: AuraClient, name: string): Promise<Place> {
  const wanted = name.replace(/^#/, "");
  const places = await fetchPlaces(aura);
  const found = places.filter((place) => place.name === wanted || place.channel.name === wanted);
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    const names = found.map((place) => place.name).join(", ");
    throw new AuraError("bad_argument", 400, `"${name}" may be ${names}.`, "Name the server too.");
  }
  const candidates = places.map((place) => wanted.includes("/") ? place.name : place.channel.name);
  unknown("channel", name, candidates);
}

/** The task whose id starts so. */
export async function findTask(aura: AuraClient, prefix: string): Promise<Task> {
  const tasks = await aura.findTasks(prefix);
  if (tasks.length === 1) return tasks[0]!;
  if (tasks.length > 1) {
    const ids = tasks.map((task) => task.id).join(", ");
    throw new AuraError("bad_argument", 400, `"${prefix}" may be ${ids}.`, "Give more digits.");
  }
  throw new AuraError("task_not_found", 404, `There is no task "${prefix}".`);
}

/** Whether a word is an id, or the beginning of one, rather than a channel's name. */
export function isId(word: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f-]*)?$/i.test(word);
}

/** The question whose id starts so, or the only open one of the task whose id does. */
export async function findQuestion(aura: AuraClient, prefix: string): Promise<Question> {
  const found = await aura.findQuestions(prefix);
  if (found.length === 0) {
    const [task, ...others] = await aura.findTasks(prefix);
    if (task && others.length === 0) found.push(...await aura.askedQuestions({ task_id: task.id }));
  }
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    const ids = found.map(({ id }) => shortId(id)).join(", ");
    throw new AuraError("bad_argument", 400, `"${prefix}" may be ${ids}.`, "Name one of them.");
  }
  throw new AuraError("question_not_found", 404, `There is no question "${prefix}".`);
}

/** The first eight hex digits, by which people and messages name a task or a question. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

function unknown(noun: "server" | "channel", name: string, names: string[]): never {
  const nearest = closestMatch(name, names, { maxDistance: Math.ceil(name.length / 2) });
  const hint = nearest ? `Did you mean ${nearest}?` : `There are: ${names.join(", ")}.`;
  throw new AuraError(`${noun}_not_found`, 404, `There is no ${noun} "${name}".`, hint);
}
