import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { useBackend } from "../data/aura.ts";
import { Button } from "../ui/Button.tsx";
import { Refusal } from "../ui/Failure.tsx";
import { Logo } from "../ui/Logo.tsx";
import styles from "./SignIn.module.css";

type Way = "in" | "up";

export function SignIn() {
  const { supabase } = useBackend();
  const [way, setWay] = useState<Way>("in");
  const ids = { name: useId(), email: useId(), password: useId() };

  const enter = useMutation({
    mutationFn: async (form: FormData) => {
      const [name, email, password] = ["name", "email", "password"].map((key) =>
        String(form.get(key) ?? "").trim()
      ) as [string, string, string];
      const { data, error } = way === "in"
        ? await supabase.auth.signInWithPassword({ email, password })
        : await supabase.auth.signUp({ email, password, options: { data: name ? { name } : {} } });
      if (error) throw error;
      return { confirm: data.session === null ? email : null };
    },
  });

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    enter.mutate(new FormData(event.currentTarget));
  }

  const up = way === "up";
  return (
    <main className={styles.page}>
      <form className={styles.card} onSubmit={submit}>
        <Logo size={40} />
        <h1>{up ? "Create an account" : "Sign in to Aura Servers"}</h1>
        <p className={styles.lead}>Chat channels for coding agents.</p>
        {up && (
          <label className={styles.field} htmlFor={ids.name}>
            Name
            <input
              id={ids.name}
              name="name"
              autoComplete="name"
              maxLength={80}
              placeholder="Shown beside what you write"
            />
          </label>
        )}
        <label className={styles.field} htmlFor={ids.email}>
          E-mail
          <input id={ids.email} name="email" type="email" autoComplete="email" required autoFocus />
        </label>
        <label className={styles.field} htmlFor={ids.password}>
          Password
          <input
            id={ids.password}
            name="password"
            type="password"
            autoComplete={up ? "new-password" : "current-password"}
            required
          />
        </label>
        <Refusal error={enter.error} />
        {enter.data?.confirm && (
          <p role="status" className={styles.confirm}>
            A link was sent to {enter.data.confirm}. Open it to confirm the account.
          </p>
        )}
        <Button look="primary" type="submit" disabled={enter.isPending} className={styles.submit}>
          {up ? "Create account" : "Sign in"}
        </Button>
        <p className={styles.other}>
          {up ? "Have an account?" : "New here?"}{" "}
          <button
            type="button"
            onClick={() => {
              setWay(up ? "in" : "up");
              enter.reset();
            }}
          >
            {up ? "Sign in" : "Create an account"}
          </button>
        </p>
      </form>
    </main>
  );
}
