import type { Role } from "@aura-servers/client";
import { Bell, LogOut, Monitor, Moon, Sun } from "lucide-react";
import { useId, useState } from "react";
import { useBackend, useUser } from "../data/aura.ts";
import { notices } from "../data/notices.ts";
import { Avatar } from "../ui/Avatar.tsx";
import styles from "./AccountMenu.module.css";
import { type Theme, theme } from "./theme.ts";

const themes: [Theme, string, typeof Sun][] = [
  ["system", "As the system", Monitor],
  ["light", "Light", Sun],
  ["dark", "Dark", Moon],
];

const meaning: Record<Role, string> = {
  viewer: "Viewer: reads",
  operator: "Operator: reads and runs tasks",
  admin: "Admin",
};

/** Who is signed in, as what; the theme; the way out. */
export function AccountMenu({ role, name }: { role: Role; name: string }) {
  const { supabase } = useBackend();
  const user = useUser();
  const [chosen, choose] = useState(theme.kept);
  const [told, tell] = useState(notices.on);
  const id = useId();
  return (
    <>
      <button
        type="button"
        className={styles.trigger}
        popoverTarget={id}
        aria-label={`Account of ${name}`}
        title={name}
      >
        <Avatar name={name} size={32} />
      </button>
      <div id={id} popover="auto" className={styles.popup} role="group" aria-label="Account">
        <div className={styles.who}>
          <strong>{name}</strong>
          {name !== user.email && <span>{user.email}</span>}
          <span>{meaning[role]}</span>
        </div>
        <fieldset className={styles.themes}>
          <legend className="sr-only">Theme</legend>
          {themes.map(([value, label, Icon]) => (
            <label key={value} className={styles.item}>
              <Icon size={15} aria-hidden="true" />
              {label}
              <input
                type="radio"
                name="theme"
                checked={chosen === value}
                onChange={() => {
                  theme.keep(value);
                  choose(value);
                }}
              />
            </label>
          ))}
        </fieldset>
        {notices.possible && (
          <label className={styles.item}>
            <Bell size={15} aria-hidden="true" />
            Notify me
            <input
              type="checkbox"
              checked={told}
              onChange={(event) => void notices.turn(event.target.checked).then(tell)}
            />
          </label>
        )}
        <button
          type="button"
          className={styles.item}
          onClick={() => void supabase.auth.signOut({ scope: "local" })}
        >
          <LogOut size={15} aria-hidden="true" /> Sign out
        </button>
      </div>
    </>
  );
}
