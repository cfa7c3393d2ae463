import { homedir } from "node:os";
import { dirname, join } from "node:path";

export interface ServiceCommand {
  /** The program and its arguments. */
  argv: string[];
  /** The PATH of the person who asks: agents are found on it. */
  path: string;
  stateFolder: string;
}

/** A systemd user unit or a launchd agent that keeps the executor running, with how to install it. */
export function service(kind: "systemd" | "launchd", command: ServiceCommand): string {
  return kind === "systemd" ? systemd(command) : launchd(command);
}

function systemd({ argv, path }: ServiceCommand): string {
  return `# Save as ~/.config/systemd/user/aura-executor.service, then run:
#   systemctl --user daemon-reload
#   systemctl --user enable --now aura-executor
#   loginctl enable-linger   (so that it runs while you are logged out)
# Its log: journalctl --user -u aura-executor -f

[Unit]
Description=Aura mesh executor
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=${argv.map(quoteUnit).join(" ")}
Environment=${quoteUnit(`PATH=${path}`)}
WorkingDirectory=${homedir().replaceAll("%", "%%")}
# SIGTERM goes to the executor alone, which lets its tasks end; what is left after it is killed.
KillMode=mixed
# Every run gets a control group of its own, which nothing that it starts can leave unseen.
Delegate=yes
TimeoutStopSec=60
Restart=always
RestartSec=10

[Install]
WantedBy=default.target
`;
}

/** Within double quotes, as systemd.syntax and systemd.service have it. */
function quoteUnit(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replaceAll("%", "%%").replaceAll("$", "$$$$")}"`;
}

function launchd({ argv, path, stateFolder }: ServiceCommand): string {
  const log = xml(join(stateFolder, "executor.log"));
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Save as ~/Library/LaunchAgents/${LABEL}.plist, then run:
       launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/${LABEL}.plist
     Stop it with:
       launchctl bootout gui/$(id -u)/${LABEL} -->
<plist version="1.0">
<dict>
  <key>Label</key><string>${LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${argv.map((part) => `    <string>${xml(part)}</string>`).join("\n")}
  </array>
  <key>EnvironmentVariables</key>
  <dict><key>PATH</key><string>${xml(path)}</string></dict>
  <key>WorkingDirectory</key><string>${xml(dirname(stateFolder))}</string>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><true/>
  <key>ThrottleInterval</key><integer>10</integer>
  <key>ExitTimeOut</key><integer>60</integer>
  <key>StandardErrorPath</key><string>${log}</string>
</dict>
</plist>
`;
}

const LABEL = "dev.aura.executor";

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
