import { type Command, Option } from "commander";
import { type AuraClient, AuraError, type Person, type ServerRole } from "../../client/index.ts";
import type { Context } from "../context.ts";
import { findServer } from "../names.ts";

const ROLES = ["none", "viewer", "operator", "admin", "default"] as const;

export function addMembers(program: Command, context: () => Context): void {
  const members = program.command("members")
    .description("list who may do what, or give somebody a role (as an admin)");

  members.command("list", { isDefault: true })
    .description("list who has an account, with their roles")
    .argument("[search]", "a part of a name or an address")
    .addOption(onServer())
    .action((search: string | undefined, { server }: { server?: string }) =>
      list(context(), search, server)
    );

  members.command("set").description("give somebody a role, everywhere or on one server")
    .argument("<person>", "their address, name or id")
    .argument("<role>", `${ROLES.join(", ")}; none and default only with --server`)
    .addOption(onServer())
    .action((person: string, role: string, { server }: { server?: string }) =>
      set(context(), person, role, server)
    );
}

const onServer = () => new Option("--server <name>", "on this server, instead of everywhere");

async function list({ aura, out }: Context, search?: string, serverName?: string) {
  const server = serverName === undefined ? undefined : await findServer(aura, serverName);
  const [people, servers] = await Promise.all([
    aura.listPeople({ ...server && { server_id: server.id }, ...search && { search } }),
    aura.fetchServers(),
  ]);
  const nameOf = (id: string) => servers.find((server) => server.id === id)?.name ?? id;
  out.table(
    people,
    ["NAME", "ADDRESS", "ROLE", "GIVEN"],
    people.map((person) => [
      person.label,
      person.email ?? "",
      person.role ?? "none",
      [
        ...person.member_role ? [person.member_role] : [],
        ...Object.entries(person.server_roles).map(([id, role]) => `${role} on ${nameOf(id)}`),
      ].join(", ") || "default",
    ]),
  );
}

async function set({ aura, out }: Context, name: string, role: string, serverName?: string) {
  if (!ROLES.some((known) => known === role)) {
    throw new AuraError("bad_argument", 400, `"${role}" is none of ${ROLES.join(", ")}.`);
  }
  const server = serverName === undefined ? undefined : await findServer(aura, serverName);
  const person = await findPerson(aura, name, server?.id);
  if (server) {
    const given = role === "default" ? null : role as ServerRole;
    const changed = await aura.setServerRole(server.id, person.user_id, given);
    return out.result(changed, () => [
      given
        ? `${person.label} is ${given} on ${server.name}`
        : `${person.label} has the default role on ${server.name}`,
    ]);
  }
  if (role === "none" || role === "default") {
    const hint = "Name a server with --server.";
    throw new AuraError("bad_argument", 400, `Everywhere, nobody is made ${role}.`, hint);
  }
  const changed = await aura.setMemberRole(person.user_id, role as "viewer");
  out.result(changed, () => [`${person.label} is ${role}`]);
}

/** The only one who has this address, name or id. */
async function findPerson(aura: AuraClient, name: string, serverId?: string): Promise<Person> {
  const people = await aura.listPeople({
    ...serverId && { server_id: serverId },
    search: name,
  });
  const wanted = name.toLowerCase();
  const exact = people.filter(({ user_id, email, label }) =>
    [user_id, email, label].some((known) => known?.toLowerCase() === wanted)
  );
  const found = exact.length > 0 ? exact : people;
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    const hint = "List them with `hub members`.";
    throw new AuraError("user_not_found", 404, `There is nobody called "${name}".`, hint);
  }
  const names = found.map(({ label, email }) => `${label} (${email ?? "no address"})`).join(", ");
  throw new AuraError("bad_argument", 400, `"${name}" may be ${names}.`, "Give the address.");
}
