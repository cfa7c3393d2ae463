/** Whether this browser tells of what happens while the page is not looked at; kept by the browser. */
const ON = "aura.notices";
const quietKey = (channelId: string) => `aura.quiet.${channelId}`;

export const notices = {
  /** Some browsers, or ways of opening a page, have none. */
  get possible(): boolean {
    return "Notification" in window && isSecureContext;
  },
  get on(): boolean {
    return this.possible && Notification.permission === "granted" &&
      localStorage.getItem(ON) !== null;
  },
  /** Asks the person, the first time; resolves to whether they are on now. */
  async turn(on: boolean): Promise<boolean> {
    if (!on) localStorage.removeItem(ON);
    else if (await Notification.requestPermission() === "granted") localStorage.setItem(ON, "on");
    return this.on;
  },
  isQuiet: (channelId: string): boolean => localStorage.getItem(quietKey(channelId)) !== null,
  quieten(channelId: string, quiet: boolean): void {
    if (quiet) localStorage.setItem(quietKey(channelId), "quiet");
    else localStorage.removeItem(quietKey(channelId));
  },
  /** Tells of something in a channel, unless the page is looked at or the channel is to be quiet. */
  tell(channelId: string, title: string, body: string, open: () => void): void {
    if (!this.on || this.isQuiet(channelId)) return;
    if (document.visibilityState === "visible" && document.hasFocus()) return;
    try {
      const told = new Notification(title, { body, tag: `${channelId}:${title}`, icon: ICON });
      told.onclick = () => {
        focus();
        told.close();
        open();
      };
    } catch {
      // Android's browsers tell only through a worker, which this app does without.
    }
  },
};

const ICON = new URL("icon-192.png", document.baseURI).href;
