import { type Command, Option } from "commander";
import { closestMatch } from "leven";
import process from "node:process";
import {
  type AuraClient,
  AuraError,
  type Device,
  type DeviceWithModels,
  type Model,
  type Platform,
  versionProblem,
} from "../../client/index.ts";
import type { Context } from "../context.ts";
import { findServer } from "../names.ts";
import { count } from "../options.ts";
import { when } from "../when.ts";

interface RegisterOptions {
  platform: Platform;
  model: Model[];
  maxRunning?: number;
  server?: string[];
}

export function addDevices(program: Command, context: () => Context): void {
  const devices = program.command("devices").description("list the devices, or manage them");

  devices.command("list", { isDefault: true }).description("list the devices")
    .action(() => list(context()));

  devices.command("register").description("enrol a device, or give it a new token; shown once")
    .argument("<name>")
    .addOption(
      new Option("--platform <platform>", "its system")
        .choices(["macos", "linux", "windows"]).default(thisPlatform(), "this machine's"),
    )
    .requiredOption("--model <model...>", "what runs there")
    .option("--max-running <count>", "how many tasks at once", count)
    .option("--server <name...>", "the only servers it works for")
    .action((name: string, options: RegisterOptions) => register(context(), name, options));

  devices.command("drain").description("let a device finish what it runs and claim no more")
    .argument("<name>").action((name: string) => setDraining(context(), name, true));

  devices.command("resume").description("let a drained device claim again")
    .argument("<name>").action((name: string) => setDraining(context(), name, false));

  devices.command("servers").description("say for which servers a device works")
    .argument("<name>").argument("[server...]", "the only ones")
    .option("--all", "all of them")
    .action((name: string, servers: string[], { all }: { all?: boolean }, command: Command) => {
      if (servers.length > 0 === Boolean(all)) command.error("error: name servers, or --all");
      return setServers(context(), name, servers);
    });

  devices.command("remove").description("remove a device with its token; its tasks go back")
    .argument("<name>").action((name: string) => remove(context(), name));
}

async function list({ aura, out }: Context): Promise<void> {
  const [devices, servers, { user_id, version }] = await Promise.all([
    aura.fetchDevices(),
    aura.fetchServers(),
    aura.whoami(),
  ]);
  const serversOf = ({ server_ids }: Device) =>
    server_ids?.map((id) => servers.find((server) => server.id === id)?.name ?? id).join(", ");
  out.table(
    devices,
    ["NAME", "STATUS", "PLATFORM", "MODELS", "SLOTS", "SERVERS", "REGISTERED BY", "LAST SEEN"],
    devices.map((device) => [
      device.name,
      statusText(device) + executorText(device, version),
      device.platform,
      device.models.map((model) => modelText(out, model)).join(", "),
      String(device.max_running),
      serversOf(device) ?? "all",
      device.registered_by === user_id ? "you" : device.registered_by?.slice(0, 8) ?? "nobody",
      when(out, device.last_seen_at),
    ]),
  );
}

function modelText(out: Context["out"], model: DeviceWithModels["models"][number]): string {
  const until = model.rate_limited_until;
  const throttled = until && Date.parse(until) > Date.now();
  return model.model + (throttled ? ` (rate limited until ${when(out, until)})` : "");
}

async function register({ aura, out }: Context, name: string, options: RegisterOptions) {
  const { platform, model, maxRunning, server: names = [] } = options;
  const servers = await Promise.all(names.map((name) => findServer(aura, name)));
  const limits = {
    ...maxRunning !== undefined && { max_running: maxRunning },
    ...servers.length > 0 && { servers: servers.map(({ id }) => id) },
  };
  const registration = await aura.registerDevice(name, platform, model, limits);
  out.result(registration, () => [registration.token]);
}

async function setDraining({ aura, out }: Context, name: string, draining: boolean) {
  const { id } = await findDevice(aura, name);
  const changed = await aura.setDeviceDraining(id, draining);
  out.result(changed, () => [`${changed.name} is ${statusText(changed)}`]);
}

async function setServers({ aura, out }: Context, name: string, names: string[]) {
  const { id } = await findDevice(aura, name);
  const servers = await Promise.all(names.map((server) => findServer(aura, server)));
  const changed = await aura.setDeviceServers(id, servers.length ? servers.map((s) => s.id) : null);
  out.result(changed, () => [`${changed.name} works for ${names.join(", ") || "all servers"}`]);
}

async function remove({ aura, out }: Context, name: string) {
  const { id } = await findDevice(aura, name);
  const removed = await aura.removeDevice(id);
  out.result(removed, () => [`${removed.name} is removed, and its token works no more`]);
}

async function findDevice(aura: AuraClient, name: string): Promise<Device> {
  const devices = await aura.fetchDevices();
  const device = devices.find((candidate) => candidate.name === name);
  if (device) return device;
  const nearest = closestMatch(name, devices.map((candidate) => candidate.name));
  const hint = nearest ? `Did you mean ${nearest}?` : "List them with `hub devices`.";
  throw new AuraError("device_not_found", 404, `There is no device "${name}".`, hint);
}

/** An offline device keeps being told to drain. */
function statusText({ status, draining }: Device): string {
  return draining && status !== "draining" ? `${status}, draining` : status;
}

/** What is wrong with a device's executor for a hub of this version. */
function executorText({ agent_version }: Device, version: string): string {
  const isWrong = agent_version && versionProblem(version, "the executor", agent_version);
  return isWrong ? `, executor ${agent_version} does not fit` : "";
}

function thisPlatform(): Platform {
  const { platform } = process;
  return platform === "darwin" ? "macos" : platform === "win32" ? "windows" : "linux";
}
