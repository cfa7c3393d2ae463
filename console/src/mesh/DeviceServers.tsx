import type { Device } from "@aura-servers/client";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { EntryForm } from "../admin/EntryForm.tsx";
import { useBackend } from "../data/aura.ts";
import { Button } from "../ui/Button.tsx";
import { chosenServers, ServerChoice } from "./ServerChoice.tsx";

/** A button and its form: for which servers a device works. */
export function DeviceServers({ device }: { device: Device }) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const save = async (form: FormData) => {
    await aura.setDeviceServers(device.id, chosenServers(form));
    await queries.invalidateQueries({ queryKey: ["devices"] });
  };
  return (
    <>
      <Button onClick={() => setOpen(true)}>Servers</Button>
      {open && (
        <EntryForm
          title={`Servers of ${device.name}`}
          close={() => setOpen(false)}
          save={save}
        >
          <ServerChoice chosen={device.server_ids ?? []} />
          <p>What it runs goes on.</p>
        </EntryForm>
      )}
    </>
  );
}
