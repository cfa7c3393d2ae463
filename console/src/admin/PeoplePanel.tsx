import type { Person, Role, ServerRole } from "@aura-servers/client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { useBackend } from "../data/aura.ts";
import { roleOn, useCaller } from "../data/caller.ts";
import type { ServerWithChannels } from "../data/useServers.ts";
import { Refusal } from "../ui/Failure.tsx";
import styles from "./AdminPage.module.css";

const roles: Record<Role, string> = { viewer: "Viewer", operator: "Operator", admin: "Admin" };

/** Who has an account, and what they may do: everywhere, or on one server. */
export function PeoplePanel(
  { servers, everywhere, words }: {
    servers: ServerWithChannels[];
    everywhere: boolean;
    /** Who is looked for at first. */
    words: string;
  },
) {
  const { aura } = useBackend();
  const caller = useCaller();
  const own = servers.filter(({ id }) => roleOn(caller, id) === "admin");
  const [serverId, choose] = useState(everywhere ? "" : own[0]?.id ?? "");
  const [search, find] = useState(words);
  const wanted = useDeferredValue(search.trim());
  const { data: people = [], error } = useQuery({
    queryKey: ["people", serverId, wanted],
    queryFn: () =>
      aura.listPeople({ ...serverId && { server_id: serverId }, ...wanted && { search: wanted } }),
    placeholderData: (before) => before,
  });
  return (
    <section className={styles.list} aria-label="People">
      <div className={styles.form}>
        <label>
          What they may do
          <select value={serverId} onChange={({ target }) => choose(target.value)}>
            {everywhere && <option value="">Everywhere</option>}
            {own.map(({ id, display_name }) => (
              <option key={id} value={id}>On {display_name}</option>
            ))}
          </select>
        </label>
        <label>
          Find somebody
          <input
            type="search"
            placeholder="A part of a name or an address"
            maxLength={200}
            value={search}
            onChange={({ target }) => find(target.value)}
          />
        </label>
      </div>
      <Refusal error={error} />
      <ul className={styles.people}>
        {people.map((person) => (
          <PersonRow key={`${person.user_id} ${serverId}`} person={person} serverId={serverId} />
        ))}
      </ul>
      {people.length === 200 && <p className={styles.none}>The first 200 are shown.</p>}
    </section>
  );
}

function PersonRow({ person, serverId }: { person: Person; serverId: string }) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const own = serverId ? person.server_roles[serverId] : person.member_role;
  const change = useMutation<unknown, Error, ServerRole | "">({
    mutationFn: (role) =>
      serverId
        ? aura.setServerRole(serverId, person.user_id, role || null)
        : aura.setMemberRole(person.user_id, role as Role),
    // Also when it was refused: the row shows what holds.
    onSettled: async () => {
      await queries.invalidateQueries({ queryKey: ["people"] });
      await queries.invalidateQueries({ queryKey: ["whoami"] });
    },
  });
  return (
    <li className={styles.row}>
      <span className={styles.name}>
        {person.label} <small>{person.email}</small>
      </span>
      <select
        aria-label={`Role of ${person.label}`}
        value={own ?? ""}
        disabled={change.isPending}
        onChange={({ target }) => change.mutate(target.value as ServerRole | "")}
      >
        {/* Everywhere, what was given cannot be taken away, but for another one. */}
        {(serverId || !own) && (
          <option value="">
            By default{own || !person.role ? "" : `: ${roles[person.role].toLowerCase()}`}
          </option>
        )}
        {serverId && <option value="none">None</option>}
        {Object.entries(roles).map(([value, label]) => (
          <option key={value} value={value}>{label}</option>
        ))}
      </select>
      <Refusal error={change.error} />
    </li>
  );
}
