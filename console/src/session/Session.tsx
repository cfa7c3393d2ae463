import type { User } from "@supabase/supabase-js";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useBackend, UserContext } from "../data/aura.ts";
import { Shell } from "../shell/Shell.tsx";
import { Loading } from "../ui/Loading.tsx";
import { SignIn } from "./SignIn.tsx";

/** The sign-in page, or the console of whoever is signed in. */
export function Session() {
  const { supabase } = useBackend();
  const queries = useQueryClient();
  // undefined: not known yet.
  const [user, setUser] = useState<User | null>();

  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((_event, session) => {
      // A refreshed token is the same person: the pages stay.
      setUser((before) => {
        const next = session?.user ?? null;
        return before && before.id === next?.id ? before : next;
      });
      // What one person read is not shown to the next.
      if (!session) {
        queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "config" });
      }
    });
    return () => data.subscription.unsubscribe();
  }, [supabase]);

  if (user === undefined) {
    return (
      <main className="page">
        <Loading />
      </main>
    );
  }
  if (user === null) return <SignIn />;
  return (
    <UserContext value={user}>
      <Shell key={user.id} />
    </UserContext>
  );
}
